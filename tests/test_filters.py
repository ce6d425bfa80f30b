"""Filters: what they allow, and that retrieval under them finds what an index of the allowed passages alone would."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_corpora import TERMS, PairEmbedder, article, write

from embeddings import build_vector_store
from embeddings.vectors import Ids, Scores
from qa.bot import Bot
from qa.config import Settings
from qa.errors import WenbaoError
from qa.filters import Filters, days
from qa.indexing import index
from qa.lexical import LexicalIndex, LexicalSearch
from qa.retrieve import Retriever
from qa.store import Catalogue, Place, Store

DAY = date(2020, 3, 8)


def test_nothing_given_allows_everything() -> None:
    assert not Filters()
    assert Filters.read(None) == Filters.read({}) == Filters.read({"files": [], "since": None}) == Filters()
    assert Filters().allows("a.txt", 1, None)


@pytest.mark.parametrize(
    ("pattern", "file", "fits"),
    [
        ("a.txt", "a.txt", True),
        ("a.txt", "A.txt", False),
        ("a.txt", "b/a.txt", False),
        ("a", "a.txt", False),
        ("2020/", "2020/a.txt", True),
        ("2020/", "2020/03/a.txt", True),
        ("2020/", "12020/a.txt", False),
        ("2020", "2020/a.txt", False),
        ("2020/*.txt", "2020/a.txt", True),
        ("2020/*.txt", "2020/03/a.txt", True),
        ("2020/*.txt", "2020/a.md", False),
        ("00?.txt", "001.txt", True),
        ("00?.txt", "0001.txt", False),
        ("*[北京]*", "日报/京.txt", True),
        ("a[1].txt", "a[1].txt", True),
        ("a(1)+.txt", "a(1)+.txt", True),
        ("a(1)+.txt", "a11.txt", False),
        ("[", "[", True),
        ("[", "x", False),
        ("[z-a]*", "z", False),
        ("Cafe\u0301.txt", "Caf\u00e9.txt", True),
    ],
)
def test_a_file_is_named_whole_by_its_folder_or_by_a_pattern(pattern: str, file: str, fits: bool) -> None:
    assert Filters.read({"files": [pattern]}).allows(file, 1, None) is fits


@pytest.mark.parametrize(
    ("when", "since", "until", "passes"),
    [
        ("2020-03-08", "2020-03-08", "2020-03-08", True),
        ("2020-03-08", "2020-03-09", None, False),
        ("2020-03-08", None, "2020-03-07", False),
        ("2020-03-08", "2020-03", "2020-03", True),
        ("2020-02-29", "2020-02", "2020-02", True),
        ("2020-03-01", None, "2020-02", False),
        ("2020-03", "2020-03-01", "2020-03-31", True),
        ("2020-03", "2020-03-02", None, False),  # its first day may be meant
        ("2020", "2020", "2020", True),
        ("2020", "2020-01-01", "2020-06-30", False),
        ("1937-07-07", "1937", "1945", True),
        (None, "1900", None, False),
        (None, None, "2100", False),
    ],
)
def test_days_are_inclusive_and_a_date_must_lie_between_them_whole(
    when: str | None, since: str | None, until: str | None, passes: bool
) -> None:
    assert Filters.read({"since": since, "until": until}).allows("a", 1, when) is passes


def test_each_part_that_is_given_must_be_passed() -> None:
    filters = Filters.read({"files": ["a", "b"], "articles": [1, 2], "since": "2020-03-08", "until": "2020-03-08"})
    assert filters == Filters(("a", "b"), (1, 2), DAY, DAY)
    assert filters.allows("b", 2, "2020-03-08")
    assert not filters.allows("c", 2, "2020-03-08")
    assert not filters.allows("b", 3, "2020-03-08")
    assert not filters.allows("b", 2, "2020-03-09")
    assert Filters.read(json.loads(json.dumps(filters.json()))) == filters


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ([], "filters"),
        ("2020", "filters"),
        ({"file": ["a"]}, "filters.file"),
        ({"limit": {}}, "filters.limit"),
        ({"files": "a"}, "filters.files"),
        ({"files": {"a": 1}}, "filters.files"),
        ({"files": [1]}, "filters.files.0"),
        ({"files": ["a", ""]}, "filters.files.1"),
        ({"files": ["a" * 1025]}, "filters.files.0"),
        ({"files": ["a\x00"]}, "filters.files.0"),
        ({"files": ["\ud800"]}, "filters.files.0"),
        ({"files": ["a"] * 201}, "filters.files"),
        ({"articles": 1}, "filters.articles"),
        ({"articles": ["1"]}, "filters.articles.0"),
        ({"articles": [True]}, "filters.articles.0"),
        ({"articles": [1.0]}, "filters.articles.0"),
        ({"articles": [0]}, "filters.articles.0"),
        ({"articles": [1, -1]}, "filters.articles.1"),
        ({"articles": [2**53]}, "filters.articles.0"),
        ({"since": 2020}, "filters.since"),
        ({"since": ""}, "filters.since"),
        ({"since": "2020-3-8"}, "filters.since"),
        ({"since": "2020-03-08\n"}, "filters.since"),
        ({"since": "２０２０"}, "filters.since"),
        ({"until": "2021-02-29"}, "filters.until"),
        ({"until": "2021-13"}, "filters.until"),
        ({"until": "0000"}, "filters.until"),
        ({"since": "2020-03-09", "until": "2020-03-08"}, "filters.since"),
        ({"since": "2021", "until": "2020"}, "filters.since"),
    ],
)
def test_what_is_no_filter_is_refused_with_its_field(given: object, field: str) -> None:
    with pytest.raises(WenbaoError) as caught:
        Filters.read(given)
    assert (caught.value.code, caught.value.field) == ("FILTER_INVALID", field)
    assert caught.value.message.startswith(f"{field}: ")
    assert caught.value.message.encode()


PLACES = [
    (file, number, when) for file in ("a.txt", "b/c.txt") for number in (1, 2) for when in (None, "2020", "2020-03-08")
]
SOME = st.builds(
    Filters,
    st.sampled_from([(), ("a.txt",), ("b/",), ("*.txt", "x")]),
    st.sampled_from([(), (1,), (2,), (1, 2)]),
    st.sampled_from([None, DAY, date(2020, 1, 1)]),
    st.sampled_from([None, DAY, date(2020, 12, 31)]),
)


@given(SOME, SOME, SOME)
def test_within_a_limit_passes_what_both_allow(asked: Filters, limit: Filters, wider: Filters) -> None:
    both = asked.within(limit).within(wider)
    for place in PLACES:
        assert both.allows(*place) == (asked.allows(*place) and limit.allows(*place) and wider.allows(*place))
    assert both.json() == asked.json()
    assert both.within(wider) == both or both.within(wider).limit != both.limit


def test_days_of_a_leap_month() -> None:
    assert days("2020-02") == (date(2020, 2, 1), date(2020, 2, 29))
    assert days("1900-02") == (date(1900, 2, 1), date(1900, 2, 28))


# -- retrieval --

WORDS = ["red", "green", "blue", "plum", "pear", "apple", "fig", "north", "south", "east"]


def texts(count: int, seed: int) -> dict[int, str]:
    chance = random.Random(seed)
    ids = chance.sample(range(10 * count), count)
    return {i: " ".join(chance.choices(WORDS, weights=range(1, 11), k=chance.randint(1, 12))) for i in ids}


def retriever(folder: Path, corpus: dict[int, str], kind: str = "faiss") -> Retriever:
    embedder = PairEmbedder()

    def known(ids: Sequence[int]) -> dict[int, str]:
        return {i: corpus[i] for i in ids if i in corpus}

    return Retriever(
        LexicalIndex.build(folder, [(i, TERMS.passage(text)) for i, text in corpus.items()]),
        build_vector_store(kind, np.array(list(corpus), np.int64), embedder.questions(list(corpus.values()))),
        embedder,
        TERMS,
        known,
    )


@pytest.mark.parametrize("allowed", [0, 1, 7, 200, 900, 2000])
@pytest.mark.parametrize("wanted", [1, 5, 300])
def test_the_lexical_leg_under_a_filter_is_the_whole_list_filtered(tmp_path: Path, allowed: int, wanted: int) -> None:
    """Brute force: the whole ranking without a filter, less what isn't allowed. Few words make many equal scores."""
    corpus = texts(2000, 1)
    lexical = LexicalIndex.build(tmp_path, [(i, TERMS.passage(text)) for i, text in corpus.items()])
    only = np.sort(np.random.default_rng(allowed).choice(np.array(list(corpus)), allowed, replace=False))
    for question in ("red", "red plum", "north east fig", "nothing"):
        terms = TERMS.question(question)
        everyone = [hit for hit in lexical.search(terms, len(corpus)) if hit[0] in set(only.tolist())]
        assert lexical.search(terms, wanted, only) == everyone[:wanted]
        with_strangers = np.sort(np.concatenate([only, np.array([10**9, 10**9 + 1])]))
        assert lexical.search(terms, wanted, with_strangers) == everyone[:wanted]


@pytest.mark.parametrize("leg", ["hybrid", "dense", "lexical"])
def test_retrieval_under_a_filter_is_that_of_an_index_of_the_allowed_alone(tmp_path: Path, leg: Any) -> None:
    """Compared with an index of the allowed passages, its term statistics replaced by those of the whole corpus."""
    corpus = texts(600, 2)
    whole = retriever(tmp_path / "whole", corpus)
    for part, share in enumerate((0.02, 0.3, 0.9)):
        some = dict(random.Random(part).sample(sorted(corpus.items()), int(share * len(corpus))))
        small = retriever(tmp_path / f"part-{part}", some, "exact")
        # BM25's N, n and mean length are the whole corpus's: let the small index give the whole one's scores.
        small.lexical = _Filtered(whole.lexical, some)  # type: ignore[assignment]
        small._reader = whole._reader
        only = np.sort(np.array(list(some), np.int64))
        for question in ("red", "green plum", "north fig apple", "pear south", "zebra"):
            [expected] = small.retrieve_many([question], 20, leg)
            assert whole.retrieve_many([question], 20, leg, only) == [expected]


class _Filtered:
    """The whole corpus's lexical index, by brute force over some of its passages."""

    def __init__(self, whole: LexicalSearch, some: dict[int, str]) -> None:
        self._whole, self._some = whole, some
        self.document_frequency = whole.document_frequency

    def __len__(self) -> int:
        return len(self._whole)

    def search_and_score(self, terms: Sequence[str], k: int, ids: Ids, only: None = None) -> tuple[Ids, Scores, Scores]:
        assert only is None
        everyone, scores, wanted = self._whole.search_and_score(terms, len(self._whole), ids)
        allowed = np.flatnonzero(np.isin(everyone, list(self._some)))[:k]
        return everyone[allowed], scores[allowed], wanted


def test_a_filter_that_allows_every_passage_changes_nothing(tmp_path: Path) -> None:
    corpus = texts(300, 3)
    whole = retriever(tmp_path, corpus)
    questions = ["red", "green plum", "zebra"]
    assert whole.retrieve_many(questions, 10, only=np.sort(np.array(list(corpus)))) == whole.retrieve_many(
        questions, 10
    )


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), max_size=30), SOME)
def test_the_catalogue_gives_the_passages_of_the_articles_that_pass(
    passages: list[tuple[int, int]], filters: Filters
) -> None:
    names, dates = ("a.txt", "b/c.txt", "d"), (None, "2020-03-08")
    places = [Place(number, names[number % 3], dates[number % 2]) for number in range(5)]
    ids = np.array([100 * i + low for i, (low, _) in enumerate(passages)], np.int64)
    owners = np.array([owner for _, owner in passages], np.int64)
    catalogue = Catalogue(places, ids, owners)
    passing = [place for place in places if filters.allows(place.file, place.article_id, place.date)]
    scope = catalogue.scope(filters)
    assert scope.articles == len(passing)
    assert scope.passages.tolist() == sorted(
        int(one) for one, owner in zip(ids, owners, strict=True) if owner in {place.article_id for place in passing}
    )
    assert catalogue.scope(filters) is scope


# -- through the bot --


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory) -> Bot:
    folder = tmp_path_factory.mktemp("filters")
    write(folder / "articles", {f"{number % 2}/{number}.md": article(number) for number in range(8)})
    store = Store(folder / "data")
    index(store, [folder / "articles"], PairEmbedder(), TERMS)
    return Bot(Settings(data=folder / "data"), store, PairEmbedder(), TERMS)


def files(record: dict[str, Any]) -> set[str]:
    return {passage["source"]["file"] for passage in record["passages"]}


def test_a_question_is_answered_from_the_files_that_it_names(bot: Bot) -> None:
    question = "第3街道登记了多少名志愿者？"
    assert "1/3.md" in files(bot.ask(question))
    assert "searched_in" not in bot.ask(question)
    record = bot.ask(question, filters=Filters.read({"files": ["0/"]}), top_k=50)
    assert files(record) == {f"0/{number}.md" for number in (0, 2, 4, 6)}
    assert record["searched_in"] == {"articles": 4, "passages": len(record["passages"])}
    one = record["passages"][0]["source"]["article_id"]
    record = bot.ask(question, filters=Filters(articles=(one,)), top_k=50)
    assert {passage["source"]["article_id"] for passage in record["passages"]} == {one}


def test_filters_that_allow_nothing_find_nothing(bot: Bot) -> None:
    record = bot.ask("志愿者？", filters=Filters(files=("nowhere/",)))
    assert (record["status"], record["answer"], record["passages"]) == ("not_found", None, [])
    assert record["searched_in"] == {"articles": 0, "passages": 0}


def test_questions_with_different_filters_asked_together_are_answered_as_alone(bot: Bot) -> None:
    from qa.answer import Question

    asked = [
        Question(f"第{number}街道登记了多少名志愿者？", filters=filters)
        for number in range(4)
        for filters in (Filters(), Filters(files=("0/",)), Filters(files=("1/*",)))
    ]
    together = bot.ask_many(asked)
    for question, record in zip(asked, together, strict=True):
        alone = bot.ask(question.question, filters=question.filters)
        assert record | {"trace_id": 0, "elapsed_ms": 0} == alone | {"trace_id": 0, "elapsed_ms": 0}


def test_a_new_article_is_seen_by_filters_at_once(tmp_path: Path) -> None:
    write(tmp_path / "articles", {"a.md": article(1)})
    with Store(tmp_path / "data") as store:
        bot = Bot(Settings(data=tmp_path / "data"), store, PairEmbedder(), TERMS)
        bot.index([tmp_path / "articles"])
        only = Filters(files=("b.md",))
        assert bot.ask("志愿者", filters=only)["searched_in"]["articles"] == 0
        write(tmp_path / "articles", {"b.md": article(2)})
        bot.index([tmp_path / "articles"])
        assert files(bot.ask("志愿者", filters=only)) == {"b.md"}
        write(tmp_path / "articles", {"b.md": "# 另一篇\n\n完全不同的内容，没有别的。"})
        bot.index([tmp_path / "articles"])
        assert bot.ask("志愿者", filters=only)["searched_in"] == {"articles": 1, "passages": 1}
