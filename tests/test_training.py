"""The training of the embedded model: folding, batches, losses, steps, storage, and a whole run on a toy corpus."""

import json
import lzma
import math
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, normalizers

from embeddings.training import prepare as prepare_module
from embeddings.training import train as train_module
from embeddings.training.__main__ import main
from embeddings.training.bags import Bags, Batch
from embeddings.training.batches import CHINESE_SHARE, Draw
from embeddings.training.data import Corpus, Pairs, clean, read_corpus
from embeddings.training.export import Storage, export, quantise, read_weights
from embeddings.training.folding import character_map, fold
from embeddings.training.losses import contrastive, distance
from embeddings.training.measure import encoder, folder_encoder, held_out_retrieval, retrieval, unit
from embeddings.training.mining import neighbours
from embeddings.training.overlap import overlapping, shingles
from embeddings.training.prepare import EXTRA_SHARE, Prepared, Sides, prepare
from embeddings.training.sources import SOURCES, read_sources
from embeddings.training.tokenizer import Sizes, compile_character_map, normaliser, pre_tokenizer, unigram
from embeddings.training.train import (
    Recipe,
    State,
    finished,
    load_checkpoint,
    principal_axes,
    start,
    train,
    trained_rows,
    update,
)

TOY = Recipe(steps=8, dim=16, batch=32, cooldown=3)
TOY_SIZES = Sizes(characters=200, words=200, pieces=200)

# --- the tokenizer's folding


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("東城區總工會", "东城区总工会"),
        ("Ａｂｃ　１２３", "abc 123"),
        ("“引号”「號」『号』‘x’", '"引号""号""号"\'x\''),
        ("街道 总工 会", "街道总工会"),
        ("街道\n总工会 test 中文", "街道总工会 test 中文"),
        ("零\u200b宽\ufeff和\u00ad软", "零宽和软"),
        ("Straße ΣΊΣΥΦΟΣ ДОМ", "strasse σίσυφοσ дом"),
        ("㎏ ﾊﾝｶｸ", "kg ハンカク"),
        ("한국어 ไทย हिन्दी العربية", "한국어 ไทย हिन्दी العربية"),
    ],
)
def test_the_normaliser_folds_as_written_by_hand(text: str, folded: str) -> None:
    assert normaliser().normalize_str(text) == folded


def test_the_compiled_map_gives_what_the_map_says_for_each_of_its_characters() -> None:
    compiled = normalizers.Precompiled(compile_character_map(character_map()))
    assert len(character_map()) > 4_000
    wrong = {
        one: compiled.normalize_str(one) for one, to in character_map().items() if compiled.normalize_str(one) != to
    }
    assert wrong == {}


@given(st.text(st.characters(categories=("L", "N", "P")), max_size=20))
def test_letters_outside_of_the_map_stay(text: str) -> None:
    compiled = normalizers.Precompiled(compile_character_map({"甲": "乙乙", "Q": "q"}))
    plain = "".join(one for one in text if one not in "甲Q")
    assert compiled.normalize_str(plain) == plain
    assert compiled.normalize_str("甲" + plain) == "乙乙" + plain


def test_words_are_cut_around_chinese_and_marks_and_know_their_beginning() -> None:
    pieces = [piece for piece, _ in pre_tokenizer().pre_tokenize_str("使用python编程, 约1.5万 the cat")]
    assert pieces == ["使用", "▁python", "编程", ",", "约", "▁1", ".", "▁5", "万", "▁the", "▁cat"]


def test_a_chinese_word_wins_over_its_characters() -> None:
    tokenizer = unigram([("[UNK]", 0.0), ("工", -3.0), ("会", -3.0), ("总", -3.0), ("工会", -4.0)])
    assert tokenizer.encode("總工 會", add_special_tokens=False).tokens == ["总", "工会"]


# --- rows


def test_entities_that_were_escaped_twice_are_cleaned() -> None:
    assert clean("  &amp;quot;a&nbsp;&lt;b&gt;&amp;quot;\u3000c ") == '"a <b>" c'


def test_a_row_overlaps_by_twelve_chinese_characters_or_eight_words() -> None:
    forbidden = frozenset(
        [*shingles("东城区总工会给街道送去口罩和消毒液"), *shingles("one two three four five six seven eight")]
    )
    rows = {
        "東城區總工會，給街道送去口罩": True,  # 13 characters once folded, whatever stands between them
        "城区总工会给街道送去口": False,  # 11
        "he said: One two, three four five six seven eight!": True,
        "one two three four five six seven nine": False,
    }
    table = Pairs(["s"] * 4, ["zh"] * 4, ["x"] * 4, list(rows))
    assert overlapping(table, forbidden).tolist() == list(rows.values())


# --- batches


def bags(*texts: list[int]) -> Bags:
    starts = np.cumsum([0, *map(len, texts)])
    return Bags(np.array([token for text in texts for token in text], dtype=np.int32), starts)


def test_rows_join_their_texts_and_minus_one_stands_for_none() -> None:
    rng = np.random.default_rng(0)
    batch = bags([1, 2], [3], [4, 5, 6]).rows(np.array([[2, 0], [1, -1]]), rng, longest=9, drop=0)
    assert batch.tokens.tolist() == [4, 5, 6, 1, 2, 3]
    assert batch.sizes.tolist() == [5, 1]


def test_a_long_text_gives_a_stretch_of_itself() -> None:
    rng = np.random.default_rng(0)
    text = list(range(100))
    for _ in range(20):
        batch = bags(text, text).rows(np.array([0]), rng, longest=10, drop=0)
        first = int(batch.tokens[0])
        assert batch.tokens.tolist() == text[first : first + 10]


def test_dropping_spares_short_texts_and_keeps_the_order_of_the_rest() -> None:
    rng = np.random.default_rng(0)
    batch = bags([1, 2, 3], list(range(1000))).rows(np.array([0, 1]), rng, longest=1000, drop=0.5)
    assert batch.tokens[:3].tolist() == [1, 2, 3]
    rest = batch.tokens[3:].tolist()
    assert rest == sorted(rest)
    assert batch.sizes.tolist() == [3, len(rest)]
    assert 400 < len(rest) < 600


# --- losses and steps


def test_contrastive_loss_of_two_orthogonal_pairs() -> None:
    eye, texts = torch.eye(2), torch.arange(2)
    expected = -math.log(math.e / (math.e + 1))
    assert float(contrastive(eye, 3 * eye, texts, texts, scale=1.0)) == pytest.approx(expected)


def test_equal_texts_are_no_negatives() -> None:
    same, different = torch.tensor([7, 7]), torch.arange(2)
    vectors = torch.ones(2, 3)
    assert float(contrastive(vectors, vectors, different, different)) == pytest.approx(math.log(2))
    assert float(contrastive(vectors, vectors, same, different)) == pytest.approx(0)
    assert float(contrastive(vectors, vectors, different, same)) == pytest.approx(0)


def test_distance_is_one_less_the_cosine() -> None:
    assert float(
        distance(torch.tensor([[2.0, 0.0], [1.0, 1.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    ) == pytest.approx((0 + 1 - math.sqrt(0.5)) / 2)


def test_a_step_moves_just_the_rows_that_occur_by_their_normed_gradient() -> None:
    rng = np.random.default_rng(5)
    weight = rng.standard_normal((6, 4)).astype(np.float32)
    zeros = np.zeros((6, 4), dtype=np.float32)
    state = State(weight.copy(), zeros, zeros[:, 0].copy(), zeros[:, 0].copy())
    left = Batch(np.array([1, 2, 2, 4], dtype=np.int32), np.array([3, 1]))
    right = Batch(np.array([4, 1], dtype=np.int32), np.array([1, 1]))
    texts = torch.arange(2)

    def losses(means: list[torch.Tensor]) -> dict[str, torch.Tensor]:
        return {"only": contrastive(means[0], means[1], texts, texts)}

    found = update(state, [left, right], losses, rate=np.arange(0, 0.6, 0.1, dtype=np.float32))

    # The same loss over the whole matrix, the means written out.
    rows = torch.from_numpy(weight.copy()).requires_grad_()
    means = torch.stack([(rows[1] + 2 * rows[2]) / 3, rows[4]]), torch.stack([rows[4], rows[1]])
    loss = contrastive(*means, texts, texts)
    (gradient,) = torch.autograd.grad(loss, rows)
    expected = weight.copy()
    for row in (1, 2, 4):
        slope = gradient[row].numpy()
        expected[row] -= row / 10 * slope / np.sqrt(np.mean(slope**2))
    assert found["only"] == pytest.approx(float(loss.detach()))
    np.testing.assert_allclose(state.weight, expected, rtol=1e-4)
    assert state.updates.tolist() == [0, 1, 1, 0, 1, 0]


def test_principal_axes_keep_all_cosines_when_nothing_is_cut_off() -> None:
    vectors = np.random.default_rng(0).standard_normal((50, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    turned = principal_axes(vectors, 8)
    np.testing.assert_allclose(turned @ turned.T, vectors @ vectors.T, atol=1e-5)


# --- storage


def toy_tokenizer() -> Tokenizer:
    characters = "东城区总工会发了多少口罩街道"
    return unigram([("[UNK]", 0.0), *((one, -5.0) for one in [*characters, "▁how", "▁many", "▁masks", "?"])])


def toy_weights(tokenizer: Tokenizer, dim: int = 24) -> npt.NDArray[np.float32]:
    rows = tokenizer.get_vocab_size()
    idf = np.linspace(1, 9, rows, dtype=np.float32)[:, None]
    return np.random.default_rng(3).standard_normal((rows, dim)).astype(np.float32) * idf


def test_quantised_rows_are_whole_numbers_and_powers_of_two_next_to_the_weights() -> None:
    weight = toy_weights(toy_tokenizer())
    numbers, factors = quantise(weight)
    scaled = weight / np.sqrt(np.mean(weight.astype(np.float64) ** 2))
    assert np.abs(numbers).max(axis=1).min() >= 63
    assert np.all(np.exp2(np.round(np.log2(factors))) == factors)
    assert np.all(np.abs(numbers * factors[:, None] - scaled) <= factors[:, None] / 2 * 1.001)


@pytest.mark.parametrize("storage", Storage)
def test_the_folder_loads_in_sentence_transformers_with_equal_vectors(tmp_path: Path, storage: Storage) -> None:
    from sentence_transformers import SentenceTransformer

    tokenizer = toy_tokenizer()
    export(toy_weights(tokenizer), tokenizer, tmp_path, storage)
    texts = ["東城區總工會", "街道 总工 会发了多少口罩", "How many masks?", "unknown words"]
    theirs = SentenceTransformer(str(tmp_path), device="cpu").encode(texts, show_progress_bar=False).astype(np.float32)
    ours = folder_encoder(tmp_path)(texts)
    theirs /= np.linalg.norm(theirs, axis=1, keepdims=True)
    assert np.all((ours * theirs).sum(axis=1) > 0.99999)
    exact = encoder(toy_weights(tokenizer), tokenizer)(texts)
    assert np.all((ours * exact).sum(axis=1) > 0.9999)


def test_both_storages_give_the_same_numbers(tmp_path: Path) -> None:
    tokenizer = toy_tokenizer()
    for storage in Storage:
        export(toy_weights(tokenizer), tokenizer, tmp_path / storage, storage)
    np.testing.assert_array_equal(read_weights(tmp_path / "int8"), read_weights(tmp_path / "half"))


def test_a_text_without_tokens_has_a_zero_vector() -> None:
    tokenizer = toy_tokenizer()
    assert not encoder(toy_weights(tokenizer), tokenizer)([""]).any()


# --- a whole run


def write_rows(path: Path, rows: list[list[str]]) -> None:
    path.write_bytes(lzma.compress("".join("\t".join(row) + "\n" for row in rows).encode()))


@pytest.fixture(scope="module")
def toy_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 rows over the four files: things and places in three languages."""
    folder = tmp_path_factory.mktemp("train")
    things = {"mask": "口罩", "book": "图书", "bicycle": "自行车", "bridge": "大桥", "tea": "茶叶"}
    places = {"street": "街道", "school": "学校", "river": "河流", "market": "市场", "station": "车站"}
    pairs = [(f"the {t} at the {p}", f"{p_zh}的{t_zh}") for t, t_zh in things.items() for p, p_zh in places.items()]
    write_rows(
        folder / "parallel.tsv.xz",
        [["toy", "zh", english, chinese] for english, chinese in pairs]
        + [["toy", "de", english, english.replace("the", "das")] for english, _ in pairs],
    )
    words = {**things, **places}
    write_rows(
        folder / "dictionary.tsv.xz",
        [["cedict", "zh", *item] for item in words.items()] + [["omw", "de", word, word + "en"] for word in words] * 3,
    )
    write_rows(folder / "pairs.tsv.xz", [["toy", chinese, f"在{chinese}旁边有人。"] for _, chinese in pairs] * 2)
    write_rows(folder / "texts.tsv.xz", [["toy", f"{chinese}很好。很多人去看。去年也有。"] for _, chinese in pairs] * 2)
    return folder


@pytest.fixture(autouse=True)
def made_up_teacher(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stands for the teacher, which takes seconds to load: any fixed vectors do."""

    def vectors(texts: list[str], _cache: Path) -> npt.NDArray[np.float32]:
        found = np.random.default_rng(len(texts)).standard_normal((len(texts), 384)).astype(np.float32)
        return unit(found)

    monkeypatch.setattr(prepare_module, "teacher_vectors", vectors)


@pytest.fixture
def toy(toy_data: Path, tmp_path: Path) -> Prepared:
    return prepare(toy_data, [], tmp_path / "cache", sizes=TOY_SIZES, taught=20, say=lambda _: None)


def test_prepared_rows_know_their_chinese_pivot_and_equal_texts(toy: Prepared, toy_data: Path) -> None:
    parallel = read_corpus(toy_data).parallel
    for row, pivot in enumerate(toy.pivot.tolist()):
        if parallel.language[row] == "zh":
            assert pivot == -1
        else:
            assert parallel.left[pivot] == parallel.left[row]
            assert parallel.language[pivot] == "zh"
    assert toy.pairs.left_text[0] == toy.pairs.left_text[25]
    assert toy.parallel.chance.sum() == pytest.approx(1)


def test_the_cache_gives_back_what_was_made(toy: Prepared, toy_data: Path, tmp_path: Path) -> None:
    again = prepare(toy_data, [], tmp_path / "cache", sizes=TOY_SIZES, taught=20, say=lambda _: None)
    np.testing.assert_array_equal(again.sentences.ids, toy.sentences.ids)
    assert again.tokenizer.to_str() == toy.tokenizer.to_str()


def test_a_step_is_drawn_alike_each_time_and_unlike_the_next(toy: Prepared) -> None:
    draw = Draw(toy, size=32, seed=1)
    (first, _), (again, _), (second, _) = draw.step(3), Draw(toy, size=32, seed=1).step(3), draw.step(4)
    assert [task.name for task in first] == ["pairs", "inverse cloze", "translations", "dictionary"]
    for one, same, other in zip(first, again, second, strict=True):
        np.testing.assert_array_equal(one.left.tokens, same.left.tokens)
        assert one.left.tokens.tolist() != other.left.tokens.tolist()
        assert len(one.left.sizes) == len(one.right.sizes) == 32
        assert one.left.sizes.min() > 0
        assert one.left.sizes.sum() == len(one.left.tokens)


def test_the_same_seed_gives_the_same_weights_and_learns(toy: Prepared, tmp_path: Path) -> None:
    one, two = (train(toy, TOY, tmp_path / name) for name in ("one", "two"))
    np.testing.assert_array_equal(one.weight, two.weight)
    other = train(toy, Recipe(steps=8, dim=16, batch=32, cooldown=3, seed=1), tmp_path / "other")
    assert np.abs(one.weight - other.weight).max() > 0.01
    long = Recipe(steps=50, dim=16, batch=32, cooldown=20)
    train(toy, long, tmp_path / "long")
    recipe, *lines = [json.loads(line) for line in (tmp_path / "long" / "log.jsonl").read_text().splitlines()]
    assert recipe["recipe"]["steps"] == 50
    assert lines[-1]["translations"] < lines[0]["translations"]


def test_a_run_that_was_stopped_goes_on_to_the_same_weights(
    toy: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(toy, TOY, tmp_path / "whole")
    done = []

    def stop_at_sixth(*arguments: object) -> dict[str, float]:
        done.append(1)
        if len(done) == 6:
            raise KeyboardInterrupt
        return update(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(train_module, "update", stop_at_sixth)
        with pytest.raises(KeyboardInterrupt):
            train(toy, TOY, tmp_path / "parts", keep_every=2)
    kept = load_checkpoint(tmp_path / "parts", TOY)
    assert kept is not None
    assert kept.step == 4
    np.testing.assert_array_equal(train(toy, TOY, tmp_path / "parts").weight, whole.weight)


def test_a_checkpoint_of_another_recipe_is_refused_but_may_be_made_longer(toy: Prepared, tmp_path: Path) -> None:
    state = start(toy, TOY)
    state.step = 4
    train_module.save_checkpoint(state, tmp_path, TOY)
    longer = Recipe(steps=80, dim=16, batch=32, cooldown=3)
    found = load_checkpoint(tmp_path, longer)
    assert found is not None
    np.testing.assert_array_equal(found.weight, state.weight)
    with pytest.raises(ValueError, match="another run folder"):
        load_checkpoint(tmp_path, Recipe(steps=8, dim=16, batch=32, cooldown=3, seed=1))
    state.step = 6  # the cool-down has begun: its rates were those of eight steps
    train_module.save_checkpoint(state, tmp_path, TOY)
    with pytest.raises(ValueError, match="another run folder"):
        load_checkpoint(tmp_path, longer)


def test_the_finished_rows_get_back_a_part_of_start_and_rarity(toy: Prepared) -> None:
    state = start(toy, TOY)
    state.weight += 1
    np.testing.assert_array_equal(finished(state, toy, replace(TOY, keep_start=0, emphasis=0)), state.weight)
    token = int(toy.counts.argmax())
    texts = np.log((toy.texts + 1) / (toy.counts + 1))
    whole = finished(state, toy, replace(TOY, keep_start=1, emphasis=1))
    np.testing.assert_allclose(whole[token], (2 * state.weight[token] - 1) * texts[token] / texts.mean(), rtol=1e-4)


def test_the_command_trains_exports_and_reports_overlaps(toy_data: Path, tmp_path: Path) -> None:
    evaluation = tmp_path / "evaluation"
    evaluation.mkdir()
    (evaluation / "a.txt").write_text("在街道的自行车旁边有人。在学校的自行车旁边有人。", encoding="utf-8")
    shared = ["--data", str(toy_data), "--evaluation", str(evaluation)]
    checked = CliRunner().invoke(main, ["check", *shared])
    assert checked.exit_code == 0
    assert "trained on: 190 of 190 rows" in checked.output
    (evaluation / "b.txt").write_text("在街道的自行车很好。很多人去看。", encoding="utf-8")
    checked = CliRunner().invoke(main, ["check", *shared])
    assert "left out for a shared shingle: 2 toy 2" in checked.output
    assert "trained on: 188 of 190 rows" in checked.output
    options = ["--out", str(tmp_path / "model"), "--runs", str(tmp_path / "runs"), "--steps", "3", "--cooldown", "1"]
    trained = CliRunner().invoke(main, [*shared, *options, "--dim", "16", "--batch", "16"])
    assert trained.exit_code == 0, trained.output
    assert folder_encoder(tmp_path / "model")(["街道的口罩"]).shape == (1, 16)


def test_retrieval_counts_ranks_by_hand(tmp_path: Path) -> None:
    rows = {"a": [1.0, 0.0], "b": [0.6, 0.8], "c": [0.0, 1.0], "q1": [1.0, 0.1], "q2": [0.7, 0.7]}

    def encode(texts: object) -> npt.NDArray[np.float32]:
        return np.array([rows[text] for text in texts], dtype=np.float32)  # type: ignore[attr-defined]

    corpus = [{"_id": name, "title": "", "text": name} for name in "abc"]
    queries = [{"_id": name, "text": name} for name in ("q1", "q2")]
    (tmp_path / "corpus.jsonl").write_text("\n".join(map(json.dumps, corpus)), encoding="utf-8")
    (tmp_path / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)), encoding="utf-8")
    (tmp_path / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq1\ta\t1\nq2\tc\t1\n", encoding="utf-8")
    found = retrieval(tmp_path, encode)
    # q1 finds a first. q2 meets b at cosine .99, a and c at .71 both: an equal cosine is no better one.
    assert (found.recall_1, found.recall_5, found.mrr_10) == (1 / 2, 1.0, (1 + 1 / 2) / 2)


def test_folding_a_whole_text_equals_the_normaliser_but_for_blanks_and_the_invisible() -> None:
    text = "東城區總工會ＡＢＣ「號」Straße"
    assert fold(text) == normaliser().normalize_str(text)


# --- rows of other repositories


def write_archive(path: Path, members: dict[str, list[dict[str, object]]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, rows in members.items():
            archive.writestr(name, "\n".join(json.dumps(row, ensure_ascii=False) for row in rows))


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of checkouts with a line or two of each source, in the source's own form."""
    folder = tmp_path_factory.mktemp("snapshots")
    files = {
        "iconclass+data/txt/en/txt_en_0_1.txt": "1|Supernatural\n11|death ~ man\n12|Uranus\n",
        "iconclass+data/txt/zh/txt_zh_0_1.txt": "1|超自然\n11|死亡 ~ 人\n#12|Uranus\n",
        "countries+countries/lib/countries/data/subdivisions/FR.yaml": (
            "'01':\n  translations:\n    en: Ain\n    zh: 安省\n    ru: Эн\n    de: Ain\n'02':\n  name: Aisne\n"
        ),
        "KGQA+QALD-10/data/qald_10/qald_10.json": json.dumps(
            {"questions": [{"question": [{"language": "en", "string": "Who?"}, {"language": "zh", "string": "谁？"}]}]}
        ),
        "bitcoin-dot-org+bitcoin.org/_translations/en.yml": 'en:\n  a:\n    b: "See <a href=x>this</a>"\n    c: same\n',
        "ObadaZay+nmt/ara.txt": "Hi.\tمرحبًا.\tCC-BY 2.0\n",
        "sanghuynh1501+translate_machine/vie.txt": "Run!\tChạy!\n",
        "ph0ngp+hanviet-pinyin-wordlist/hanviet.csv": (
            "char,hanviet,pinyin\n街,['nhai'],jie1\n道,\"['đạo', 'đáo']\",dao4\n國,['quốc'],*\n"
        ),
        "privacyguides+i18n/i18n/zh/a.md": "# 域名\n\n**加密**的网页\n\n```\ncode\n```\n\n只有一段",
        "privacyguides+i18n/i18n/ru/a.md": "# Домен\n\nOnly encrypted pages\n\n```\ncode\n```\n\nОдин абзац",
        "privacyguides+i18n/i18n/de/a.md": "# Domain\n\nzu kurz",
    }
    for script in ("chinese", "arabic", "russian", "katakana"):
        for part in ("80", "20"):
            line = {"chinese": "noor\t努 尔\t2", "russian": "noor\tн у р\t1"}.get(script, "")
            files[f"steveash+NETransliteration-COLING2018/data/wd_{script}_{part}"] = line if part == "80" else ""
    for language, text in {"zh_CN": "见<a href=x>此</a>", "ar": "", "de": "", "es": "", "ja": "", "ru": ""}.items():
        file = f"bitcoin-dot-org+bitcoin.org/_translations/{language}.yml"
        files[file] = f'{language}:\n  a:\n    b: "{text}"\n    c: same\n'
    for part in ("RuBQ_1.0/RuBQ_1.0_dev", "RuBQ_1.0/RuBQ_1.0_test", "RuBQ_2.0/RuBQ_2.0_dev"):
        files[f"vladislavneon+RuBQ/{part}.json"] = '[{"question_eng": "Where?", "question_text": "Где?"}]'
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    asked = {"en": ("who sang", "Dave Edmunds"), "zh_cn": ("谁唱", "戴维·埃德蒙兹")}
    rows: dict[str, list[dict[str, object]]] = {
        language: [{"id": f"{n}_{language}", "question": f"{question} {n}", "answers": [answer]} for n in range(64)]
        for language, (question, answer) in asked.items()
    }
    archives = folder / "mia-workshop+MIA-Shared-Task-2022" / "data" / "eval"
    members = {f"mkqa_dev/mkqa-{language}.jsonl": found for language, found in rows.items()}
    write_archive(archives / "mkqa_dev.zip", members)
    write_archive(archives / "mkqa_test_without_answers.zip", {})
    return folder


def rows_of(table: Pairs, source: str) -> set[tuple[str, str, str]]:
    columns = zip(table.source, table.language, table.left, table.right, strict=True)
    return {(language, left, right) for one, language, left, right in columns if one == source}


def test_each_source_is_read_as_its_files_are_written(snapshots: Path, toy_data: Path) -> None:
    corpus = read_corpus(toy_data)
    corpus.dictionary.source.extend(["cedict-t", "cedict-t"])
    corpus.dictionary.language.extend(["zh", "zh"])
    corpus.dictionary.left.extend(["country street", "street"])
    corpus.dictionary.right.extend(["國街", "街道"])
    read = read_sources(snapshots, corpus)
    parallel = {source.name: rows_of(read.parallel, source.name) for source in SOURCES}
    dictionary = {source.name: rows_of(read.dictionary, source.name) for source in SOURCES}
    assert dictionary["wikidata-names"] == {("zh", "noor", "努尔"), ("ru", "noor", "нур"), ("ru", "努尔", "нур")}
    assert parallel["iconclass"] == {("zh", "Supernatural", "超自然"), ("zh", "death, man", "死亡, 人")}
    names = {("zh", "Ain", "安省"), ("ru", "Ain", "Эн"), ("ru", "安省", "Эн"), ("de", "安省", "Ain")}
    assert dictionary["subdivisions"] == names
    assert parallel["qald"] == {("zh", "Who?", "谁？")}
    assert parallel["bitcoin.org"] == {("zh", "See this", "见此")}
    assert parallel["tatoeba-ara"] == {("ar", "Hi.", "مرحبًا.")}
    assert parallel["tatoeba-vie"] == {("vi", "Run!", "Chạy!")}
    assert parallel["rubq"] == {("ru", "Where?", "Где?")}
    # 道 has two readings, so 街道 has none that is sure.
    assert dictionary["hanviet"] == {("zh", "quốc nhai", "國街")}
    pages = {
        ("ru", "# 域名", "# Домен"),
        ("zh", "Only encrypted pages", "加密的网页"),
        ("ru", "只有一段", "Один абзац"),
    }
    assert parallel["privacyguides"] == pages


def test_a_question_is_either_learned_from_or_held_out(snapshots: Path, toy_data: Path) -> None:
    learned, held = (read_sources(snapshots, read_corpus(toy_data), held_out=out) for out in (False, True))
    questions = [rows_of(corpus.parallel, "mkqa") for corpus in (learned, held)]
    assert {question for found in questions for question in found} == {
        ("zh", f"who sang {number}", f"谁唱 {number}") for number in range(64)
    }
    assert not questions[0] & questions[1]
    assert 0 < len(questions[1]) < 20
    assert set(held.parallel.source) | set(held.dictionary.source) <= {"mkqa", "wikidata-names"}


def test_a_missing_repository_is_named(tmp_path: Path, toy_data: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"github\.com/steveash/NETransliteration-COLING2018"):
        read_sources(tmp_path, read_corpus(toy_data))


def test_extra_rows_get_their_share_and_keep_their_pivots(toy: Prepared, toy_data: Path, snapshots: Path) -> None:
    arguments = {"sizes": TOY_SIZES, "taught": 20, "say": lambda _: None, "extra": snapshots}
    found = prepare(toy_data, [], snapshots.parent / "cache", **arguments)  # type: ignore[arg-type]
    old = len(toy.parallel.chance)
    assert old < len(found.parallel.chance) == len(found.pivot) == len(found.parallel.left)
    np.testing.assert_array_equal(found.counts, toy.counts)
    chinese = found.parallel.chinese
    theirs = np.arange(len(chinese)) >= old
    share = found.parallel.chance[chinese & theirs].sum() / found.parallel.chance[chinese].sum()
    assert share == pytest.approx(EXTRA_SHARE["parallel"])
    assert not set(found.parallel.left_text[:old]) & set(found.parallel.left_text[old:])
    again = prepare(toy_data, [], snapshots.parent / "cache", **arguments)  # type: ignore[arg-type]
    np.testing.assert_array_equal(again.parallel.left.ids, found.parallel.left.ids)


# --- hard negatives, and training on


def test_neighbours_are_the_nearest_strangers_that_are_not_too_near() -> None:
    texts = bags([0], [1], [2], [3], [0])
    weight = np.array([[1, 0], [0.8, 0.6], [0, 1], [0.999, 0]], dtype=np.float32)
    sides = Sides(texts, texts, np.array([0, 1, 2, 3, 0]), np.array([0, 1, 2, 3, 0]), np.ones(5), np.ones(5, np.bool_))
    found = neighbours(sides, weight)
    # The first text's equal (row 4) and its double (row 3) may be right; the text at a right angle is no look-alike.
    assert set(found[0].tolist()) == {1, -1}
    assert set(found[2].tolist()) == {1, -1}
    assert set(found[1].tolist()) >= {0, 2, 3, 4} - {-1}


def test_look_alikes_replace_the_last_chinese_rows_of_a_batch(toy: Prepared) -> None:
    rows = len(toy.parallel.chance)
    partner = (np.arange(rows) + 1) % rows
    with_hard = replace(toy, hard={"parallel": partner[:, None]})
    (plain, _), (hard, _) = Draw(toy, 40, 1).step(0), Draw(with_hard, 40, 1, hard=0.25).step(0)
    chinese = round(40 * CHINESE_SHARE)
    count = round(0.25 * 40 * CHINESE_SHARE)
    task, before = hard[2], plain[2]
    np.testing.assert_array_equal(task.right_text[: chinese - count], before.right_text[: chinese - count])
    np.testing.assert_array_equal(task.right_text[chinese:], before.right_text[chinese:])
    drawn = [int(np.flatnonzero(toy.parallel.right_text == text)[0]) for text in before.right_text[:count]]
    np.testing.assert_array_equal(task.right_text[chinese - count : chinese], toy.parallel.right_text[partner[drawn]])


def test_training_goes_on_from_an_exported_model(toy: Prepared, tmp_path: Path) -> None:
    state = train(toy, TOY, tmp_path / "run")
    unseen = toy.counts == 0
    assert unseen.any()
    export(finished(state, toy, TOY), toy.tokenizer, tmp_path / "model", Storage.INT8)
    again = trained_rows(read_weights(tmp_path / "model"), toy, TOY)
    # Eight bits a number, and half of the start is taken off: within a hundredth of the largest number.
    np.testing.assert_allclose(again, state.weight, atol=0.02 * np.abs(state.weight).max())
    later = train(toy, replace(TOY, begin="x", seed=3), tmp_path / "later", begin=State.of(again))
    assert later.step == TOY.steps
    assert np.abs(later.weight - state.weight).max() > 0.01
    with pytest.raises(ValueError, match="other rows or with other sizes"):
        trained_rows(np.ones((3, 16), np.float32), toy, TOY)


def test_held_out_pairs_are_found_among_all_of_the_other_language() -> None:
    table = Pairs(["s"] * 3, ["zh", "zh", "ru"], ["one", "two", "two"], ["一", "二", "два"])
    none = Pairs([], [], [], [])
    rows = {"one": [1, 0], "一": [1, 0.1], "two": [1, 0.2], "二": [0, 1], "два": [0, 1]}

    def encode(texts: object) -> npt.NDArray[np.float32]:
        return unit(np.array([rows[text] for text in texts], dtype=np.float32))  # type: ignore[attr-defined]

    found = held_out_retrieval(Corpus(table, none, none, none), encode)
    # "two" is nearer to 一 than to 二.
    assert [(one.name, one.pairs, one.recall_1) for one in found[:2]] == [
        ("questions en → zh", 2, 0.5),
        ("questions ru → zh", 1, 1.0),
    ]
