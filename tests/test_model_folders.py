"""Bad and hostile model folders: refused by name before a library sees them; no canary file ever appears."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from tiny_models import bert_folder, random_weights, static_folder, write_modules, write_prompts

from embeddings import load_embedder
from embeddings.errors import ModelError
from embeddings.model_folder import Prompts, read_prompts


@pytest.fixture(scope="module")
def whole_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bert_folder(tmp_path_factory.mktemp("models") / "bert")


@pytest.fixture
def bert(whole_bert: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole_bert, tmp_path / "model"))


@pytest.fixture
def static(tmp_path: Path) -> Path:
    return static_folder(tmp_path / "static")


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> NoReturn:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def refused(name: Path | str, code: str, *words: str) -> None:
    with pytest.raises(ModelError) as raised:
        load_embedder(str(name))
    assert raised.value.code == code
    for word in words:
        assert word in str(raised.value)
    assert "\n" not in str(raised.value).strip()


# -- MODE-001: not there ----------------------------------------------------------------------------------------------


def test_a_missing_folder_is_named_with_the_files_expected(tmp_path: Path) -> None:
    refused(tmp_path / "nothing", "MODEL_NOT_FOUND", str(tmp_path / "nothing"), "doesn't exist", "model.safetensors")
    refused("./nothing", "MODEL_NOT_FOUND", "doesn't exist")
    refused("nothing", "MODEL_NOT_FOUND", "doesn't exist")


def test_an_empty_folder_and_a_file_are_named(tmp_path: Path) -> None:
    refused(tmp_path, "MODEL_NOT_FOUND", str(tmp_path), "is empty", "tokenizer.json")
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"")
    refused(file, "MODEL_NOT_FOUND", str(file), "is a file")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_without_permission_is_named(static: Path) -> None:
    static.chmod(0)
    try:
        refused(static, "MODEL_NOT_FOUND", str(static), "Permission denied")
    finally:
        static.chmod(0o700)


def test_a_folder_that_cannot_be_listed_is_named(static: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(path: object) -> NoReturn:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", denied)
    refused(static, "MODEL_NOT_FOUND", str(static), "Permission denied")


def test_a_hub_id_is_not_downloaded_unless_allowed() -> None:
    refused("nobody/no-such-model", "MODEL_NOT_DOWNLOADED", "nobody/no-such-model", "WENBAO_ALLOW_DOWNLOAD=1")


def test_a_download_that_fails_says_why_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def unreachable(*_: object, **__: object) -> NoReturn:
        raise huggingface_hub.errors.LocalEntryNotFoundError("the hub can't be reached\nand more")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)
    with pytest.raises(ModelError, match="could not be downloaded: the hub can't be reached") as raised:
        load_embedder("nobody/no-such-model", allow_download=True)
    assert raised.value.code == "MODEL_NOT_DOWNLOADED"
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("links", [True, False])
def test_a_hub_id_in_the_cache_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    """The cache as the hub's client lays it out: snapshots/REVISION/file is a link to blobs/…, or the file itself."""
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    cache = tmp_path / "models--owner--tiny-model"
    snapshot = static_folder(cache / "snapshots" / ("0" * 40))
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text("0" * 40, encoding="utf-8")
    (cache / "blobs").mkdir()
    for number, file in enumerate(sorted(snapshot.iterdir()) if links else []):
        file.rename(cache / "blobs" / str(number))
        file.symlink_to(f"../../blobs/{number}")
    embedder = load_embedder("owner/tiny-model")
    assert embedder.name == "owner/tiny-model"
    expected = load_embedder(str(static_folder(tmp_path / "plain"))).passages(["abc 街道"])
    assert np.array_equal(embedder.passages(["abc 街道"]), expected)


# -- MODE-003: broken -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", ["config.json", "model.safetensors"])
def test_a_missing_file_is_named(bert: Path, file: str) -> None:
    (bert / file).unlink()
    refused(bert, "MODEL_INVALID", file)


def test_weights_of_another_architecture_are_named(bert: Path) -> None:
    """transformers would load none of them, fill the model with chance, and log it."""
    shutil.copy(static_folder(bert / "other") / "model.safetensors", bert / "model.safetensors")
    refused(bert, "MODEL_INVALID", str(bert / "model.safetensors"), "holds 0 of ")


def test_a_missing_vocabulary_is_named(bert: Path) -> None:
    for file in ("vocab.txt", "tokenizer.json"):
        (bert / file).unlink()
    refused(bert, "MODEL_INVALID", "tokenizer.json")


@pytest.mark.parametrize("file", ["config.json", "modules.json", "tokenizer_config.json", "1_Pooling/config.json"])
@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b"[" * 100_000])
def test_a_file_that_is_no_json_is_named(bert: Path, file: str, content: bytes) -> None:
    (bert / file).write_bytes(content)
    refused(bert, "MODEL_INVALID", file)


@pytest.mark.parametrize("config", [{}, [], {"model_type": 7}, {"model_type": "no-such-architecture"}])
def test_a_wrong_architecture_is_named(bert: Path, config: object) -> None:
    (bert / "config.json").write_text(json.dumps(config), encoding="utf-8")
    refused(bert, "MODEL_INVALID", str(bert), "config.json", "model_type")


@pytest.mark.parametrize("modules", [{}, [], [{}], [7], None, [{"idx": "x", "type": "a", "path": ""}]])
def test_a_broken_list_of_modules_is_named(static: Path, modules: object) -> None:
    (static / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    refused(static, "MODEL_INVALID", "modules.json")


def test_a_folder_with_neither_modules_nor_config_is_refused(static: Path) -> None:
    (static / "modules.json").unlink()
    refused(static, "MODEL_INVALID", "modules.json", "config.json")


@pytest.mark.parametrize("file", ["tokenizer.json", "model.safetensors"])
@pytest.mark.parametrize("content", [None, b"", b"{}", b"\xff" * 64])
def test_a_static_models_broken_file_is_named(static: Path, file: str, content: bytes | None) -> None:
    (static / file).unlink()
    if content is not None:
        (static / file).write_bytes(content)
    refused(static, "MODEL_INVALID", file)


@pytest.mark.parametrize(
    "weights",
    [np.ones((3, 4), np.float32), np.ones((60, 4), np.int8), np.ones(60, np.float32), np.ones((60, 4, 1), np.float32)],
    ids=["rows missing", "integers", "one dimension", "three dimensions"],
)
def test_static_weights_of_another_form_are_refused(
    tmp_path: Path, weights: np.ndarray[tuple[int, ...], np.dtype[np.float32]]
) -> None:
    refused(static_folder(tmp_path / "model", weights), "MODEL_INVALID", "model.safetensors", "float16")


def test_prompts_that_are_no_texts_are_refused(static: Path) -> None:
    for prompts in (["query: "], {"query": 7}, "query: "):
        config = {"prompts": prompts}
        (static / "config_sentence_transformers.json").write_text(json.dumps(config), encoding="utf-8")
        refused(static, "MODEL_INVALID", "config_sentence_transformers.json")


# -- MODE-006, MODE-007: hostile --------------------------------------------------------------------------------------


class Canary:
    """A pickle that writes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return _sing, (str(self.path),)


def _sing(path: str) -> None:
    Path(path).write_text("alive", encoding="utf-8")


def test_the_canary_sings(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Canary(tmp_path / "canary")))
    assert (tmp_path / "canary").exists()


@pytest.mark.parametrize(
    "name", ["tokenizer.pkl", "index.pkl", "x.pickle", "x.joblib", "2_Dense/pytorch_model.bin", "2_Dense/x.pt"]
)
def test_pickles_are_refused(bert: Path, static: Path, tmp_path: Path, name: str) -> None:
    for folder in (bert, static):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(pickle.dumps(Canary(tmp_path / "canary")))
        refused(folder, "MODEL_REMOTE_CODE", name)
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.ckpt", "model.PTH"])
def test_pickled_weights_are_refused(bert: Path, static: Path, tmp_path: Path, name: str) -> None:
    for folder in (bert, static):
        (folder / "model.safetensors").unlink()
        (folder / name).write_bytes(pickle.dumps(Canary(tmp_path / "canary")))
        refused(folder, "MODEL_REMOTE_CODE", name)
    assert not (tmp_path / "canary").exists()


def test_pickled_weights_beside_safetensors_are_never_opened(bert: Path, static: Path, tmp_path: Path) -> None:
    for folder in (bert, static):
        (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Canary(tmp_path / "canary")))
        assert load_embedder(str(folder)).passages(["abc"]).shape[0] == 1
    assert not (tmp_path / "canary").exists()


def change_json(file: Path, **values: object) -> None:
    content = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(content | values), encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "values"),
    [
        ("config.json", {"auto_map": {"AutoModel": "modeling_x.X"}}),
        ("config.json", {"text_config": {"deep": [{"auto_map": {"AutoConfig": "modeling_x.X"}}]}}),
        ("config.json", {"text_config": {"trust_remote_code": True}}),
        ("config.json", {"trust_remote_code": "yes"}),
        ("tokenizer_config.json", {"auto_map": {"AutoTokenizer": ["modeling_x.X", None]}}),
        ("tokenizer_config.json", {"tokenizer_class": "modeling_x.X"}),
        ("1_Pooling/config.json", {"activation_function": "os.abort"}),
        ("1_Pooling/config.json", {"types": {"query": "modeling_x.X"}}),
    ],
)
def test_json_that_names_code_is_refused(bert: Path, tmp_path: Path, file: str, values: dict[str, object]) -> None:
    code = f"import pathlib; pathlib.Path({str(tmp_path / 'canary')!r}).touch()\nclass X: pass\n"
    (bert / "modeling_x.py").write_text(code, encoding="utf-8")
    change_json(bert / file, **values)
    refused(bert, "MODEL_REMOTE_CODE", str(bert / file))
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("type_", ["modeling_x.X", "os.abort", "sentence_transformersx.models.Transformer", "X"])
def test_modules_of_other_packages_are_refused(bert: Path, tmp_path: Path, type_: str) -> None:
    code = f"import pathlib; pathlib.Path({str(tmp_path / 'canary')!r}).touch()\nclass X: pass\n"
    (bert / "modeling_x.py").write_text(code, encoding="utf-8")
    modules = json.loads((bert / "modules.json").read_text(encoding="utf-8"))
    (bert / "modules.json").write_text(json.dumps([modules[0], modules[1] | {"type": type_}]), encoding="utf-8")
    refused(bert, "MODEL_REMOTE_CODE", "modules.json", type_)
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("path", ["..", "../other", "/etc"])
def test_modules_elsewhere_are_refused(static: Path, path: str) -> None:
    write_modules(static, ("StaticEmbedding", path))
    refused(static, "MODEL_REMOTE_CODE", "modules.json", path)


def test_links_that_lead_out_of_the_folder_are_refused(static: Path, tmp_path: Path) -> None:
    (static / "model.safetensors").rename(tmp_path / "weights")
    (static / "model.safetensors").symlink_to(tmp_path / "weights")
    refused(static, "MODEL_REMOTE_CODE", "model.safetensors", "link")


def test_folders_linked_from_elsewhere_are_refused(static: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (static / "1_Normalize").symlink_to(tmp_path / "other", target_is_directory=True)
    refused(static, "MODEL_REMOTE_CODE", "1_Normalize", "link")


def test_a_link_to_nothing_is_named(static: Path) -> None:
    (static / "vocab.txt").symlink_to("nothing.txt")
    refused(static, "MODEL_INVALID", "vocab.txt")


def test_links_within_the_folder_are_fine(static: Path) -> None:
    (static / "model.safetensors").rename(static / "weights.safetensors")
    (static / "model.safetensors").symlink_to("weights.safetensors")
    assert load_embedder(str(static)).passages(["abc"]).shape[0] == 1


def test_json_nested_beyond_any_measure_is_read_without_harm(static: Path) -> None:
    (static / "extra.json").write_text("[" * 900 + '{"auto_map": 1}' + "]" * 900, encoding="utf-8")
    refused(static, "MODEL_REMOTE_CODE", "extra.json")


# -- MODE-009: bad vectors --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.0])
def test_static_weights_that_give_no_vectors_are_refused(tmp_path: Path, value: float) -> None:
    folder = static_folder(tmp_path / "model", np.full_like(random_weights(), value))
    refused(folder, "MODEL_BAD_VECTORS", str(folder))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_single_bad_token_is_refused_when_a_text_has_it(tmp_path: Path, value: float) -> None:
    weights = random_weights()
    weights[20, 3] = value  # "t"; the sentences tried on loading have it too, so it takes the place of a rare letter
    weights[[20, 26]] = weights[[26, 20]]  # "z"
    embedder = load_embedder(str(static_folder(tmp_path / "model", weights)))
    assert embedder.passages(["abc"]).shape[0] == 1
    with pytest.raises(ModelError, match="1 of 3 texts, first for text 2") as raised:
        embedder.passages(["abc", "xyz", "abc"])
    assert raised.value.code == "MODEL_BAD_VECTORS"


def test_a_transformer_that_gives_nan_is_refused(bert: Path) -> None:
    from safetensors.numpy import load_file, save_file

    weights = load_file(bert / "model.safetensors")
    weights["embeddings.LayerNorm.weight"][:] = np.nan
    save_file(weights, bert / "model.safetensors", metadata={"format": "pt"})
    refused(bert, "MODEL_BAD_VECTORS", "NaN")


# -- prompts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("intfloat/multilingual-e5-small", Prompts("query: ", "passage: ")),
        ("e5-base-v2", Prompts("query: ", "passage: ")),
        (
            "intfloat/multilingual-e5-large-instruct",
            Prompts(
                "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: ", ""
            ),
        ),
        ("BAAI/bge-small-zh-v1.5", Prompts("为这个句子生成表示以用于检索相关文章：", "")),
        ("bge-large-en-v1.5", Prompts("Represent this sentence for searching relevant passages: ", "")),
        ("BAAI/bge-m3", Prompts()),
        ("me5-smaller", Prompts()),
        ("model", Prompts()),
    ],
)
def test_families_known_by_name_have_their_prompts(static: Path, name: str, expected: Prompts) -> None:
    assert read_prompts(static, name) == expected


def test_the_name_in_the_config_counts_as_well(bert: Path) -> None:
    change_json(bert / "config.json", _name_or_path="intfloat/e5-small")
    assert read_prompts(bert, "model") == Prompts("query: ", "passage: ")


@pytest.mark.parametrize(
    ("prompts", "default", "expected"),
    [
        ({"query": "q ", "passage": "p "}, None, Prompts("q ", "p ")),
        ({"query": "q ", "document": "d ", "passage": "p "}, None, Prompts("q ", "d ")),
        ({"query": "q "}, None, Prompts("q ", "")),
        ({"query": "q ", "sts": "s "}, "sts", Prompts("q ", "s ")),
        ({"query": "q ", "document": ""}, None, Prompts("q ", "")),
    ],
)
def test_own_prompts_win_over_the_family(
    static: Path, prompts: dict[str, str], default: str | None, expected: Prompts
) -> None:
    write_prompts(static, prompts, default)
    assert read_prompts(static, "multilingual-e5-small") == expected
