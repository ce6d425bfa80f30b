"""The Milvus engine against the embedded one, over the same store: same hits, same scores, after any change."""
# ruff: noqa: F401, F811 (fixtures are found by their names in this module, and given under them)

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from milvus_server import Server, milvus
from small_corpora import TERMS, PairEmbedder, article, page, sentence, write
from tiny_models import static_folder
from web_fixtures import local_client

from embeddings.errors import VectorStoreError
from embeddings.vectors import Ids
from qa.bot import Bot
from qa.config import Settings
from qa.errors import EngineError, ModelError, StoreError
from qa.filters import Filters
from qa.generations import EMBEDDED, OpenIndexes
from qa.indexing import repair
from qa.lexical import norms
from qa.milvus import client as client_module
from qa.milvus import fallback, legs
from qa.milvus.client import Client
from qa.milvus.engine import Milvus
from qa.milvus.ledger import Ledger, Row
from qa.reading import Document, parse
from qa.retrieve import Retriever
from qa.store import Store
from qa.text import Terms
from qa.web.server import build_app

QUESTIONS = [sentence(number) for number in (0, 3, 7, 1101)] + ["社区工作者发放口罩", "没有的词zzz"]
EMBEDDER = PairEmbedder()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def engine(milvus: Server) -> Iterator[Milvus]:
    """Leaves nothing behind in the server."""
    made = Milvus(Client(milvus.url, None, 20))
    before = set(made.client.collections())
    yield made
    for name in set(made.client.collections()) - before:
        for alias in raw(made).list_aliases(name)["aliases"]:
            raw(made).drop_alias(alias)
        made.client.drop(name)


def raw(engine: Milvus) -> Any:
    """What somebody else might do to the server."""
    engine.client.collections()
    return engine.client._client


def put(store: Store, engine: Milvus, articles: dict[int, str], *gone: int, terms: Terms = TERMS) -> OpenIndexes:
    """The articles are in the store and in the engine."""
    with store.writer() as writer:
        commit(writer, articles, *gone)
        return engine.refresh(store, writer, EMBEDDER, terms)[0]


def commit(writer: Any, articles: dict[int, str], *gone: int) -> None:
    with writer.transaction():
        for number, text in articles.items():
            writer.put(page(f"{number:03}", text), "")
        for number in gone:
            writer.remove(f"{number:03}.md")


def require_equal(found: OpenIndexes, expected: OpenIndexes, only: Ids | None = None) -> None:
    """Lexical hits and scores to the last bit; cosines to float32's precision, and hits but for ties within it."""
    assert len(found.lexical) == len(expected.lexical) == len(found.vectors) == len(expected.vectors)
    for question in QUESTIONS:
        terms, vectors = TERMS.question(question), EMBEDDER.questions([question])
        for term in terms:
            assert found.lexical.document_frequency(term) == expected.lexical.document_frequency(term)
        for k in (3, 200):
            assert found.lexical.search(terms, k, only) == expected.lexical.search(terms, k, only)
            ours, theirs = found.vectors.search(vectors, k, only), expected.vectors.search(vectors, k, only)
            assert ours[0].shape == theirs[0].shape
            assert ours[0] == pytest.approx(theirs[0], abs=1e-6)
            for number, score in zip(ours[1][0], ours[0][0], strict=True):
                assert expected.vectors.scores(vectors, np.array([number]))[0, 0] == pytest.approx(score, abs=1e-6)
        held = expected.vectors.search(vectors, 200)[1][0]
        assert found.lexical.scores(terms, held.tolist()) == expected.lexical.scores(terms, held.tolist())
        assert found.vectors.scores(vectors, held) == pytest.approx(expected.vectors.scores(vectors, held), abs=1e-6)


def embedded(store: Store) -> OpenIndexes:
    return EMBEDDED.open(store, EMBEDDER, TERMS)


def test_both_legs_find_what_the_embedded_engine_finds_with_its_scores(
    store: Store, engine: Milvus, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, expected = put(store, engine, {n: article(n) for n in range(20)}), embedded(store)
    require_equal(found, expected)
    monkeypatch.setattr(client_module, "FILTERED", 7)  # filters of several calls
    require_equal(found, expected, only=store.passage_ids()[::3])
    require_equal(found, expected, only=np.array([5, 6], np.int64))  # of passages that aren't there
    with pytest.raises(VectorStoreError, match="Id 5 isn't"):
        found.vectors.scores(EMBEDDER.questions(["口罩"]), np.array([5]))
    with pytest.raises(VectorStoreError) as caught:
        found.vectors.search(PairEmbedder(dim=8).questions(["口罩"]), 3)
    assert caught.value.code == "INDEX_DIM_MISMATCH"


def test_an_empty_store_and_an_emptied_one_find_nothing(store: Store, engine: Milvus) -> None:
    for articles, gone in (({}, ()), ({1: article(1)}, ()), ({}, (1,))):
        found = put(store, engine, articles, *gone)
        require_equal(found, embedded(store))
    assert found.lexical.search(TERMS.question("口罩"), 5) == []
    assert found.vectors.search(EMBEDDER.questions(["口罩"]), 5)[1].shape == (1, 0)


def test_whatever_changes_hits_and_scores_stay_those_of_the_embedded_engine(store: Store, engine: Milvus) -> None:
    chance = random.Random(9)
    held = {n: article(n) for n in range(8)}
    indexes = put(store, engine, held)
    for turn in range(8):
        gone = chance.sample(sorted(held), 2)
        new = {chance.randrange(20): article(chance.randrange(20), turn, chance.randrange(4)) for _ in range(3)}
        held = {n: text for n, text in held.items() if n not in gone} | new
        indexes = put(store, engine, new, *set(gone) - new.keys())
        require_equal(indexes, embedded(store))
        assert engine.findings(store, EMBEDDER, TERMS) == []
    # Another process finds all of it, and nothing to do.
    other = Milvus(engine.client).open(store, EMBEDDER, TERMS)
    assert (other.generation, other.point) == (indexes.generation, store.point())
    require_equal(other, embedded(store))


def test_a_building_takes_the_place_of_the_one_before_at_once(store: Store, engine: Milvus) -> None:
    before = put(store, engine, {n: article(n) for n in range(4)})
    names = set(engine.client.collections())
    # Articles several times as long: stored weights are by another average length.
    long = {n: article(n, sections=1) + "，".join(sentence(n, v) for v in range(60)) for n in range(4, 12)}
    after = put(store, engine, long)
    require_equal(after, embedded(store))
    assert (before.generation, after.generation, before.sequence) == (1, 2, -1)
    (new,) = set(engine.client.collections()) - names
    assert raw(engine).describe_alias(new.rsplit("_", 2)[0])["collection_name"] == new
    assert names <= set(engine.client.collections()), "who still searches it may go on"
    put(store, engine, {20: article(20)})
    assert not names & set(engine.client.collections())


def test_what_was_interrupted_is_finished_by_the_next(
    store: Store, engine: Milvus, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, engine, {n: article(n) for n in range(6)})
    monkeypatch.setattr("qa.milvus.engine.SENT", 4)
    real, calls = engine.client.upsert, []

    def failing(*given: Any) -> None:
        calls.append(given)
        if len(calls) == 2:
            raise EngineError("ENGINE_UNAVAILABLE", "The server is gone.")
        real(*given)

    monkeypatch.setattr(engine.client, "upsert", failing)
    changed = {n: article(n, 1) for n in range(3)}
    with pytest.raises(EngineError):
        put(store, engine, changed, 5)
    assert [finding.code for finding in engine.findings(store, EMBEDDER, TERMS)] == ["INDEX_UNUSABLE"]
    require_equal(Milvus(engine.client).open(store, EMBEDDER, TERMS), embedded(store))
    assert engine.findings(store, EMBEDDER, TERMS) == []
    # Committed, and killed before anything was sent; then a building that failed half-way.
    with store.writer() as writer:
        commit(writer, {9: article(9)}, 0)
    require_equal(engine.open(store, EMBEDDER, TERMS), embedded(store))
    calls.clear()
    shutil.rmtree(store.folder / "milvus")
    with pytest.raises(EngineError):
        Milvus(engine.client).open(store, EMBEDDER, TERMS)
    assert [finding.code for finding in engine.findings(store, EMBEDDER, TERMS)] == ["INDEX_MISSING"]
    require_equal(Milvus(engine.client).open(store, EMBEDDER, TERMS), embedded(store))
    assert Milvus(engine.client).findings(store, EMBEDDER, TERMS) == []


def test_a_server_killed_in_the_midst_of_a_change_loses_nothing(
    store: Store, milvus: Server, engine: Milvus, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, engine, {n: article(n) for n in range(3)})
    monkeypatch.setattr("qa.milvus.engine.SENT", 4)
    monkeypatch.setattr(engine.client, "_timeout_s", 1)
    monkeypatch.setattr(client_module, "PAUSE_S", 0.0)
    real, calls = engine.client.upsert, []

    def killing(*given: Any) -> None:
        calls.append(given)
        if len(calls) == 2:
            milvus.kill()
        real(*given)

    monkeypatch.setattr(engine.client, "upsert", killing)
    try:
        with pytest.raises(EngineError) as caught:
            put(store, engine, {n: article(n, 1) for n in range(2, 6)})
        assert (caught.value.code, caught.value.http_status) == ("ENGINE_UNAVAILABLE", 503)
        with pytest.raises(EngineError):
            engine.open(store, EMBEDDER, TERMS)
    finally:
        milvus.start()
    monkeypatch.setattr(engine.client, "_timeout_s", 20)
    require_equal(engine.open(store, EMBEDDER, TERMS), embedded(store))


def test_other_terms_and_another_model_build_another_collection(store: Store, engine: Milvus) -> None:
    put(store, engine, {n: article(n) for n in range(3)})

    class OtherTerms(Terms):
        def __init__(self) -> None:
            super().__init__()
            self.version += " and the owner's words"

    assert put(store, engine, {}, terms=OtherTerms()).generation == 2
    other = PairEmbedder("others", 32)
    with pytest.raises(ModelError) as caught:
        engine.open(store, other, TERMS)
    assert caught.value.code == "INDEX_MODEL_MISMATCH"
    with store.writer() as writer:
        indexes, made = engine.refresh(store, writer, other, TERMS)
    assert (indexes.generation, indexes.vectors.dim, made) == (3, 32, len(store.passage_ids()))


@pytest.mark.parametrize(
    ("dim", "metric", "model", "code"),
    [
        (32, "IP", "pairs-64", "INDEX_DIM_MISMATCH"),
        (64, "L2", "pairs-64", "INDEX_DIM_MISMATCH"),
        (64, "IP", "someone-else", "INDEX_MODEL_MISMATCH"),
    ],
)
def test_engi_003_a_collection_that_was_made_otherwise_is_refused_and_made_anew(
    store: Store, engine: Milvus, dim: int, metric: str, model: str, code: str
) -> None:
    name = put(store, engine, {n: article(n) for n in range(2)}).name  # type: ignore[attr-defined]
    client = raw(engine)
    for alias in client.list_aliases(name)["aliases"]:
        client.drop_alias(alias)
    client.drop_collection(name)
    from pymilvus import DataType

    schema = client.create_schema(auto_id=False)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("dense", DataType.FLOAT_VECTOR, dim=dim)
    schema.add_field("sparse", DataType.SPARSE_FLOAT_VECTOR)
    indexes = client.prepare_index_params()
    indexes.add_index(field_name="dense", index_type="FLAT", metric_type=metric)
    indexes.add_index(field_name="sparse", index_type="SPARSE_INVERTED_INDEX", metric_type="IP")
    client.create_collection(name, schema=schema, index_params=indexes, properties={"wenbao.model": model})
    with pytest.raises((StoreError, ModelError)) as caught:
        Milvus(engine.client).open(store, EMBEDDER, TERMS)
    assert caught.value.code == code
    assert [each.code for each in engine.findings(store, EMBEDDER, TERMS)] == ["INDEX_UNUSABLE"]
    require_equal(put(store, engine, {}), embedded(store))


def test_engi_001_a_part_of_the_passages_is_never_shown_as_all(store: Store, engine: Milvus) -> None:
    indexes = put(store, engine, {n: article(n) for n in range(9)})
    raw(engine).delete(indexes.name, ids=store.passage_ids()[::3].tolist())  # type: ignore[attr-defined]
    asked: list[Callable[[], object]] = [
        lambda: indexes.vectors.search(EMBEDDER.questions(["口罩"]), 3),
        lambda: indexes.lexical.search(TERMS.question("口罩"), 3),
    ]
    for ask in asked:
        with pytest.raises(EngineError, match=r"18 of 27 passages") as caught:
            ask()
        assert caught.value.code == "ENGINE_UNAVAILABLE"
    with pytest.raises(EngineError):
        Retriever(indexes.lexical, indexes.vectors, EMBEDDER, TERMS, lambda _: {}).retrieve_many(["口罩"], 5)
    assert [each.code for each in engine.findings(store, EMBEDDER, TERMS)] == ["INDEX_UNUSABLE"]
    require_mended(store, engine)


def test_a_damaged_ledger_gives_no_score_and_is_made_anew(store: Store, engine: Milvus) -> None:
    indexes = put(store, engine, {n: article(n) for n in range(4)})
    (path,) = (store.folder / "milvus").glob("*.db")
    ledger = Ledger.open(path)
    number = int(ledger.ids()[0])
    with ledger.changing():
        ledger._connection.execute("UPDATE passages SET length = length + 1 WHERE id = ?", (number,))
    with pytest.raises(StoreError) as caught:
        indexes.lexical.scores(TERMS.question("口罩"), [number])
    assert caught.value.code == "INDEX_DAMAGED"
    assert [each.code for each in engine.findings(store, EMBEDDER, TERMS)] == ["INDEX_UNUSABLE"]
    ledger.close()
    require_mended(store, engine)


def test_a_damaged_ledger_that_a_change_meets_is_made_anew(store: Store, engine: Milvus) -> None:
    put(store, engine, {n: article(n) for n in range(4)})
    (path,) = (store.folder / "milvus").glob("*.db")
    ledger = Ledger.open(path)
    with ledger.changing():
        ledger._connection.execute("UPDATE passages SET terms = zeroblob(length(terms))")
    ledger.close()
    changed = put(store, engine, {1: article(1, 1)})
    assert changed.generation == 2
    require_equal(changed, embedded(store))


def require_mended(store: Store, engine: Milvus) -> None:
    """By ``wenbao doctor --repair``."""
    assert repair(store, EMBEDDER, TERMS, engine=engine) == ()
    assert engine.findings(store, EMBEDDER, TERMS) == []
    require_equal(engine.open(store, EMBEDDER, TERMS), embedded(store))


def test_a_count_that_isnt_that_of_the_rows_is_found(store: Store, engine: Milvus) -> None:
    put(store, engine, {n: article(n) for n in range(4)})
    (path,) = (store.folder / "milvus").glob("*.db")
    ledger = Ledger.open(path)
    ledger.prove()
    with ledger.changing():
        ledger._connection.execute("DELETE FROM terms WHERE key IN (SELECT key FROM terms LIMIT 1)")
    with pytest.raises(StoreError, match="a count"):
        ledger.prove()
    ledger.close()
    require_mended(store, engine)


def test_stored_weights_are_those_of_a_worked_example() -> None:
    """A passage of 4 terms where the average is 3; one term stands there twice, another once, and no idf is in it."""
    keys = np.array([1, 2**63 + 5], np.uint64)
    weights = legs.stored_weights(Row(1, 1, 4, keys, np.array([2, 1], np.uint8)), np.float32(3))
    norm = 1.2 * (0.25 + 0.75 * 4 / 3)
    assert float(norms(np.array([4]), np.float32(3))[0]) == pytest.approx(norm)
    golden = 11400714819323198485  # 2⁶⁴ / 1.618…
    one, other = (n * golden % 2**64 // 2**31 % (2**32 - 1) for n in (1, 2**63 + 5))
    assert weights == pytest.approx({one: 2 / (2 + norm), other: 1 / (1 + norm)})


@pytest.fixture
def settings(tmp_path: Path, milvus: Server, engine: Milvus) -> Settings:  # noqa: ARG001 (it tidies the server)
    """Of a bot over three files, kept by the server; no answers are remembered, which need no server."""
    return Settings(
        data=tmp_path / "data",
        model=str(static_folder(tmp_path / "model")),
        engine="milvus",
        engine_url=milvus.url,
        engine_timeout_s=1,
        remembered_mb=0,
    )


def document(number: int, text: str) -> Document:
    return parse(f"upload-{number}.md", text.encode("utf-8"))


def test_engi_002_what_was_uploaded_or_deleted_is_answered_for_at_once(settings: Settings, tmp_path: Path) -> None:
    with Bot.open(settings, index_seeds=False) as bot, Bot.open(settings, index_seeds=False) as other:
        bot.index([write(tmp_path / "files", {f"{n}.md": article(n) for n in range(3)})])
        for number in range(4, 9):
            bot.add([document(number, article(number))], settled=lambda *_: None)
            for asked in (bot, other):
                record = asked.ask(sentence(number))
                assert record["passages"][0]["source"]["file"] == f"upload-{number}.md", asked
        bot.withdraw(files=["upload-8.md"])
        for asked in (bot, other):
            record = asked.ask(sentence(8))
            assert "upload-8.md" not in {passage["source"]["file"] for passage in record["passages"]}
        names = {passage["source"]["file"] for passage in bot.ask("社区", filters=Filters(files=("1.md",)))["passages"]}
        assert names == {"1.md"}


def test_engi_001_without_the_server_there_is_a_clear_503_and_nothing_is_lost(
    settings: Settings, milvus: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "PAUSE_S", 0.0)
    milvus.kill()
    try:
        with Bot.open(settings) as bot:  # the sample pages are stored all the same
            assert bot.store.counts()["files"] == 5
            client = local_client(build_app(bot))
            question = {"question": "口罩"}
            for response in (client.post("/api/ask", json=question), client.get("/readyz")):
                refused(response)
            assert client.get("/healthz").status_code == 200
            milvus.start()
            assert client.get("/readyz").status_code == 200
            first = client.post("/api/ask", json=question)
            assert first.status_code == 200
            assert first.json()["passages"]
            milvus.kill()  # while it serves
            for response in (client.post("/api/ask", json=question), client.get("/readyz")):
                refused(response)
            stored: list[str] = []
            with pytest.raises(EngineError):
                bot.add([document(1, article(1))], settled=lambda _, outcome, __: stored.append(outcome))
            assert stored == ["added"]
            milvus.start()
            record = bot.ask(sentence(1))
            assert record["passages"][0]["source"]["file"] == "upload-1.md"
    finally:
        milvus.kill()
        milvus.start()


def refused(response: Any) -> None:
    assert response.status_code == 503
    assert response.json()["error"]["code"] == "ENGINE_UNAVAILABLE"
    assert int(response.headers["retry-after"]) > 0


def test_engi_001_indexes_of_this_machine_answer_meanwhile_where_the_owner_wants_it(
    settings: Settings, milvus: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "PAUSE_S", 0.0)
    monkeypatch.setattr(fallback, "RETRY_S", 0.2)
    folder = write(tmp_path / "files", {f"{n}.md": article(n) for n in range(3)})
    with Bot.open(replace(settings, engine_fallback=True), index_seeds=False) as bot:
        bot.index([folder])
        before = same(bot.ask(sentence(1)))
        milvus.kill()
        try:
            assert same(bot.ask(sentence(1))) == before
            bot.add([document(7, article(7))], settled=lambda *_: None)
            assert bot.ask(sentence(7))["passages"][0]["source"]["file"] == "upload-7.md"
        finally:
            milvus.start()
        time.sleep(0.3)
        assert bot.ask(sentence(7))["passages"][0]["source"]["file"] == "upload-7.md"
        assert bot.engine.findings(bot.store, bot.embedder, bot.terms) == [], "the server has what came meanwhile"


def same(record: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in {"trace_id", "elapsed_ms"}}
