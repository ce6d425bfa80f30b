"""Terms: the same thing, however it is written, gives a common term; the owner's words and synonyms count."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
import regex  # type: ignore[import-untyped]  # no stubs among the development tools
import rjieba
from hypothesis import example, given
from hypothesis import strategies as st

from qa.errors import UsageError
from qa.text import Terms, fold, sentences
from qa.text.numerals import numbers
from qa.text.terms import Wanted

SEEDS = Path(__file__).parents[1] / "seeds"
BENCH = Path(__file__).parents[1].parent / "shared" / "bench"


@pytest.fixture(scope="module")
def terms() -> Terms:
    return Terms()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("。，！", []),
        ("工", ["工"]),
        ("总工会", ["总工会", "总", "工", "会", "总工", "工会"]),
        ("總工會", ["总工会", "总", "工", "会", "总工", "工会"]),
        ("工会工会", ["工", "会", "工", "会", "工会", "会工", "工会"]),
        ("8000个", ["个", "8000", "8000个"]),
        ("COVID-19 Café", ["covid", "café", "19"]),
        ("h7n9", ["h7n9"]),
        ("15km", ["15km", "15"]),
        ("v 1.2.3", ["v", "1.2.3"]),
        ("Привет, мир", ["привет", "мир"]),
        ("हिन्दी", ["हिन्दी"]),
    ],
)
def test_terms_of_a_passage_by_hand(terms: Terms, text: str, expected: list[str]) -> None:
    assert terms.passage(text) == expected


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("8000", "8000"),
        ("8,000", "8000"),
        ("八千个", "8000"),
        ("捌仟", "8000"),
        ("0.8万", "8000"),
        ("1.8万", "18000"),
        ("一万八千", "18000"),
        ("一万八", "18000"),
        ("11.5万", "115000"),
        ("九十余户", "90"),
        ("三十多万", "300000"),
        ("千余名", "1000"),
        ("千万元", "10000000"),
        ("1000万元", "10000000"),
        ("两百零五", "205"),
        ("二〇二〇年", "2020"),
        ("一亿二千万", "120000000"),
        ("一万亿", "1000000000000"),
        ("3亿5000万", "350000000"),
        ("12万5千", "125000"),
        ("十二月", "12"),
        ("百分之九十五", "95"),
        ("2.50", "2.5"),
        ("007", "7"),
    ],
)
def test_a_number_is_worth_what_it_says(text: str, value: str) -> None:
    assert [found for found, _, _ in numbers(text)] == [value]


@pytest.mark.parametrize("text", ["一般", "统一", "百分之百", "h7n9", "1.2.3", "万", "没有数"])
def test_what_only_looks_like_a_number_is_none(text: str) -> None:
    assert numbers(text) == []


@given(st.integers(0, 10**12 - 1))
def test_chinese_and_arabic_numerals_agree(number: int) -> None:
    spelled = _spelled(number)
    expected = [] if len(spelled) == 1 and spelled != "十" else [str(number)]
    assert [value for value, _, _ in numbers(spelled)] == expected
    assert [value for value, _, _ in numbers(f"{number:,}")] == [str(number)]


def _spelled(number: int) -> str:
    """The formal reading: 10020 → 一万零二十, 10 → 十."""
    if number == 0:
        return "零"
    text = ""
    for unit, name in ((10**8, "亿"), (10**4, "万"), (1, "")):
        section, number = divmod(number, unit) if unit > 1 else (number, 0)
        if not section:
            continue
        digits = f"{section:04d}" if text else str(section)
        read = "".join(
            "零"
            if digit == "0"
            else "零一二三四五六七八九"[int(digit)] + ["", "十", "百", "千"][len(digits) - place - 1]
            for place, digit in enumerate(digits)
        )
        text += regex.sub("零+", "零", read).rstrip("零") + name
    return text.removeprefix("一") if text.startswith("一十") else text


def test_2_february_18_and_eight_thousand_are_found_by_their_figures(terms: Terms) -> None:
    assert {"2", "2月", "18", "18日"} <= set(terms.passage("2月18日"))
    assert set(terms.question("八千个口罩")) & set(terms.passage("口罩８０００个")) >= {"8000", "8000个", "口罩"}


def test_characters_that_are_simplified_within_phrases_only_give_one_term(terms: Terms) -> None:
    for traditional, simplified in (("計畫", "计划"), ("答覆", "答复"), ("瞭解", "了解"), ("看著", "看着")):
        assert terms.passage(traditional) == terms.passage(simplified)


def test_stop_words_leave_questions_but_not_passages(terms: Terms) -> None:
    assert "多少" not in terms.question("发了多少口罩")
    assert "多少" in terms.passage("发了多少口罩")
    assert terms.question("the mask of the union") == ["mask", "union"]


def test_a_question_of_stop_words_keeps_them(terms: Terms) -> None:
    assert terms.question("什么") == terms.passage("什么")


def test_longer_words_are_those_of_jieba(terms: Terms) -> None:
    run = "东城区各街道总工会助力疫情防控工作"
    assert [t for t in terms.passage(run) if len(t) > 2] == [w for w in rjieba.cut_for_search(run, False) if len(w) > 2]


def test_places_are_spans_of_the_original(terms: Terms) -> None:
    text = "景 山街道總工會昨日發放口罩８０００个。Masks: cafe\u0301!"
    spans = terms.places(text, terms.question("景山街道发放八千个 café"))
    assert [text[start:end] for start, end in spans] == ["景 山街道", "發放", "８０００个", "cafe\u0301"]


def test_single_characters_are_placed_only_when_nothing_longer_is_wanted(terms: Terms) -> None:
    assert terms.places("工人和工会", {"工", "工会"}) == [(3, 5)]
    assert terms.places("工人和工会", {"工"}) == [(0, 1), (3, 4)]
    assert terms.places("工人和工会", set()) == []


@example("⑴")  # (1): one character becomes several
@example("工⒑Ŀa㎡")
@given(st.text(st.one_of(st.sampled_from("景山街道總工會 8千.a\u0301\u200b⑴㎡"), st.characters())))
def test_places_of_all_terms_hold_whatever_is_a_term(text: str) -> None:
    terms = Terms()
    wanted = set(terms.passage(text))
    spans = terms.places(text, wanted)
    assert all(a < b < c for (_, b), (c, _), a in zip(spans, spans[1:], (s for s, _ in spans), strict=False))
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert bool(spans) == bool(wanted)
    covered = "".join(fold(text[start:end]).text for start, end in spans)
    assert set(covered) <= set(fold(text).text)


@given(st.text(st.one_of(st.sampled_from("景山街道總工會畫著 8千.a\u0301\u200b"), st.characters())))
def test_the_terms_are_those_that_have_places(text: str) -> None:
    terms, folded = Terms(), fold(text).text
    for term, times in Counter(terms.passage(text)).items():
        assert len(list(terms._found(folded, Wanted.read([term])))) == times


def _folder(path: Path, **files: str) -> Path:
    for name, content in files.items():
        (path / f"{name}.txt").write_text(content, encoding="utf-8")
    return path


def test_the_owners_words_become_terms(tmp_path: Path, terms: Terms) -> None:
    sentence = "他在永定门外大街的小区里"
    own = Terms.from_folder(_folder(tmp_path, dictionary="永定门外大街 500 ns\n小區裡\n"))
    assert {"永定门外大街", "小区里"} <= set(own.passage(sentence))
    assert not {"永定门外大街", "小区里"} & set(terms.passage(sentence))


def test_the_owners_words_weigh_as_in_jieba(tmp_path: Path) -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import jieba

    words = "疫情防控工作 10\n抗疫一线 n\n云计算平台 800 nz\n"
    folder = _folder(tmp_path, dictionary=words)
    reference = jieba.Tokenizer()
    reference.tmp_dir = str(tmp_path)
    with (folder / "dictionary.txt").open("rb") as file:
        reference.load_userdict(file)
    run = "东城区各街道总工会助力疫情防控工作抗疫一线云计算平台建设"
    expected = [word for word in reference.cut_for_search(run, HMM=False) if len(word) > 2]
    assert [term for term in Terms.from_folder(folder).passage(run) if len(term) > 2] == expected


def test_synonyms_are_added_to_questions(tmp_path: Path) -> None:
    own = Terms.from_folder(_folder(tmp_path, synonyms="\ufeff疫情 新冠 COVID\n\n總工會 union\n"))
    assert {"新冠", "covid"} <= set(own.question("疫情在哪里"))
    assert "总工会" in own.question("Where is the Union?")
    assert "总工会" not in own.question("reunions")
    assert "新冠" not in own.passage("疫情")


def test_the_version_follows_the_owners_files(tmp_path: Path, terms: Terms) -> None:
    folder = _folder(tmp_path, synonyms="疫情 新冠\n")
    before = Terms.from_folder(folder).version
    assert before == Terms.from_folder(folder).version != terms.version
    after = Terms.from_folder(_folder(tmp_path, synonyms="疫情 肺炎\n")).version
    assert after not in {before, terms.version}
    assert Terms.from_folder(_folder(tmp_path, dictionary="永定门外大街\n")).version not in {before, after}
    assert Terms.from_folder(None).version == terms.version


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"dictionary": "词语\n词 五 n\n"}, "dictionary.txt, line 2"),
        ({"dictionary": "词 5 n x\n"}, "dictionary.txt, line 1"),
        ({"synonyms": "一 二\n\n孤单\n"}, "synonyms.txt, line 3"),
        ({}, "expected dictionary.txt or synonyms.txt"),
    ],
)
def test_bad_files_of_the_owner_are_named_with_the_line(tmp_path: Path, files: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        Terms.from_folder(_folder(tmp_path, **files))
    assert caught.value.code == "CONFIG_VALUE"


def test_a_dictionary_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dictionary.txt").write_bytes("永定门外大街\n".encode("gb18030"))
    with pytest.raises(UsageError, match="UTF-8"):
        Terms.from_folder(tmp_path)


def test_simplified_questions_lose_nothing_over_traditional_text(terms: Terms) -> None:
    if not (BENCH / "drcd").is_dir():
        pytest.skip("../shared/bench is not here")
    import opencc

    converter = opencc.OpenCC("t2s")
    with (BENCH / "drcd" / "queries.jsonl").open(encoding="utf-8") as lines:
        questions = [json.loads(line)["text"] for line in lines]
    pairs = [(Counter(terms.question(q)), Counter(terms.question(converter.convert(q)))) for q in questions]
    lost = sum((traditional - simplified).total() for traditional, simplified in pairs)
    assert len(questions) > 3000
    assert lost < sum(traditional.total() for traditional, _ in pairs) / 10_000


@given(
    st.text(alphabet="工会街道总景山八千个万五0158,.年画家们著作Covid us覆盖 。|", max_size=40),
    st.lists(st.text(alphabet="工会街道总景山八千个万五0158,.年画家们著作Covid us覆盖 。|", max_size=40), max_size=4),
)
@example("景山街道总工会发放8,000个口罩", ["街道总工会八千个", "总工会在景山", "US covid-19 8000年"])
def test_what_is_wanted_is_found_in_cuts_as_among_the_terms(question: str, texts: list[str]) -> None:
    terms = Terms()
    asked = list(dict.fromkeys(terms.question(question)))
    cuts = [cut for text in texts for cut in terms.cuts(text, [(0, len(text))])]
    expected = {term: [i for i, text in enumerate(texts) if term in terms.passage(text)] for term in asked}
    assert dict(Wanted.read(asked).places(cuts)) == {term: found for term, found in expected.items() if found}
    assert [list(cut.words) for cut in cuts] == [terms.words(text) for text in texts]


@given(st.text(alphabet="工会街道总景山八千个万五0158,.…。！？\n“”（）年画家著作Covid us覆盖 　|Éé䔢發放", max_size=80))
@example("大家都来了……8000个口罩。真多！.5万个。等着…2020年。")
@example("发放8,000。0个口罩！“工 会。”\n景山 街道，五千三。百名。US 3.5. 2 covid")
def test_sentences_cut_at_once_are_what_each_is_alone(text: str) -> None:
    terms, spans = Terms(), sentences(text)
    assert terms.cuts(text, spans) == [terms.cuts(text[start:end], [(0, end - start)])[0] for start, end in spans]


def test_sentences_of_real_pages_cut_at_once_are_what_each_is_alone(terms: Terms) -> None:
    for page in sorted(SEEDS.glob("*.txt")):
        text = page.read_text(encoding="utf-8")
        spans = sentences(text)
        assert terms.cuts(text, spans) == [terms.cuts(text[start:end], [(0, end - start)])[0] for start, end in spans]
