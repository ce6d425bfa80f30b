"""Kept conversations: who may see them, what is found, what is forgotten, and what is taken away as a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from qa.errors import StoreError
from qa.talks import NAME, TALKS, TITLE_CHARS, TURNS, Record, Talk, Talks, Turn, title_of
from qa.web.export import as_json, as_markdown
from qa.web.openai_api import message_of
from qa.web.words import EN, ZH

ME, OTHER = "m" * 22, "o" * 22
DAY_S = 86400


def talk_id(number: int) -> str:
    return f"{number:022}"


def record(question: str, answer: str | None = "8000个", *places: tuple[int, int]) -> dict[str, Any]:
    return {
        "question": question,
        "answer": answer,
        "status": "answered" if answer else "not_found",
        "confidence": 0.66,
        "passages": [
            {
                "text": f"第{start}段",
                "source": {
                    "file": "a.txt",
                    "article": "标题",
                    "section": None,
                    "start": start,
                    "end": end,
                    "article_id": 7,
                },
            }
            for start, end in places
        ],
    }


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def talks(tmp_path: Path, clock: Clock) -> Iterator[Talks]:
    found = Talks(tmp_path, 90, clock=clock)
    yield found
    found.close()


def ids(talks: Talks, visitor: str = ME, search: str = "") -> list[str]:
    return [line.id for line in talks.of(visitor, search)]


def test_a_conversation_is_listed_with_its_first_question_and_read_again_as_it_was(talks: Talks) -> None:
    first, second = record("发了多少口罩？", "8000个", (3, 9)), record("那朝阳门呢？", None)
    assert talks.add(ME, talk_id(1), first)
    assert talks.add(ME, talk_id(1), second)
    (line,) = talks.of(ME)
    assert (line.id, line.title, line.turns) == (talk_id(1), "发了多少口罩？", 2)
    found = talks.talk(talk_id(1))
    assert found is not None
    assert [turn.record for turn in found.turns] == [first, second]


def test_what_was_kept_is_there_after_a_restart(tmp_path: Path) -> None:
    before = Talks(tmp_path, 90)
    before.add(ME, talk_id(1), record("甲？"))
    # Not closed: as after a kill.
    after = Talks(tmp_path, 90)
    assert ids(after) == [talk_id(1)]
    before.close()
    after.close()


def test_another_visitor_neither_lists_nor_changes_it_but_the_id_reads_it(talks: Talks) -> None:
    talks.add(ME, talk_id(1), record("甲？"))
    assert talks.of(OTHER) == []
    assert not talks.rename(OTHER, talk_id(1), "mine")
    assert not talks.delete(OTHER, talk_id(1))
    assert not talks.delete(OTHER)
    assert not talks.add(OTHER, talk_id(1), record("乙？"))
    found = talks.talk(talk_id(1))
    assert found is not None
    assert (found.title, len(found.turns)) == ("甲？", 1)


def test_the_file_holds_no_key_of_a_visitor(talks: Talks, tmp_path: Path) -> None:
    talks.add(ME, talk_id(1), record("甲？"))
    talks.close()
    assert all(ME.encode() not in path.read_bytes() for path in tmp_path.glob(f"{NAME}*"))
    assert (tmp_path / NAME).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["", "a", "a" * 23, "../../etc/passwd/......", "口" * 22, "a" * 21 + "\n", "'" * 22])
def test_what_is_no_id_is_not_kept(talks: Talks, name: str) -> None:
    assert not talks.add(ME, name, record("甲？"))
    assert not talks.add(name, talk_id(1), record("甲？"))
    assert talks.of(ME) == talks.of(name) == []


def test_the_search_finds_words_of_title_question_and_answer_in_either_script(talks: Talks) -> None:
    talks.add(ME, talk_id(1), record("景山街道发了多少口罩？", "8000个"))
    talks.add(ME, talk_id(2), record("怀柔区抽调了多少名干部？", "28名"))
    talks.rename(ME, talk_id(2), "干部下社区")
    assert ids(talks, search="口罩") == [talk_id(1)]
    assert ids(talks, search="景山 8000") == [talk_id(1)]
    assert ids(talks, search="懷柔區") == [talk_id(2)]
    assert ids(talks, search="幹部 下社區") == [talk_id(2)]
    assert ids(talks, search="口罩 干部") == []
    assert ids(talks, search="%") == ids(talks, search="_") == []
    assert ids(talks, search="  ") == [talk_id(2), talk_id(1)]


def test_the_conversation_asked_last_comes_first(talks: Talks) -> None:
    for number in (1, 2, 3):
        talks.add(ME, talk_id(number), record(f"{number}？"))
    talks.add(ME, talk_id(2), record("again？"))
    assert ids(talks) == [talk_id(2), talk_id(3), talk_id(1)]


def test_conversations_of_one_second_keep_their_order(tmp_path: Path) -> None:
    talks = Talks(tmp_path, 90, clock=lambda: 1_700_000_000.0)
    for number in (2, 3, 1):
        talks.add(ME, talk_id(number), record(f"{number}？"))
    assert ids(talks) == [talk_id(1), talk_id(3), talk_id(2)]
    talks.close()


def test_renaming_and_deleting(talks: Talks) -> None:
    for number in (1, 2, 3):
        talks.add(ME, talk_id(number), record(f"{number}？"))
    assert talks.rename(ME, talk_id(1), "  两\n行 ")
    assert [line.title for line in talks.of(ME)][-1] == "两 行"
    assert not talks.rename(ME, talk_id(1), " \n ")
    assert talks.delete(ME, talk_id(1)) == 1
    assert talks.delete(ME, talk_id(1)) == 0
    assert talks.talk(talk_id(1)) is None
    assert talks.delete(ME) == 2
    assert talks.of(ME) == []


def test_deleting_a_conversation_leaves_nothing_of_its_turns(talks: Talks) -> None:
    talks.add(ME, talk_id(1), record("甲？"))
    talks.delete(ME)
    talks.add(ME, talk_id(1), record("乙？"))
    found = talks.talk(talk_id(1))
    assert found is not None
    assert [turn.record["question"] for turn in found.turns] == ["乙？"]


def test_what_is_older_than_the_owner_wants_is_forgotten(talks: Talks, clock: Clock) -> None:
    talks.add(ME, talk_id(1), record("甲？"))
    clock.now += 50 * DAY_S
    talks.add(ME, talk_id(2), record("乙？"))
    clock.now += 41 * DAY_S
    talks.add(ME, talk_id(3), record("丙？"))
    assert ids(talks) == [talk_id(3), talk_id(2)]


def test_nothing_is_kept_for_no_days(tmp_path: Path) -> None:
    talks = Talks(tmp_path, 0)
    assert not talks.add(ME, talk_id(1), record("甲？"))
    assert talks.of(ME) == []
    talks.close()


def test_one_conversation_and_one_visitor_can_not_grow_for_ever(talks: Talks, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (TURNS, TALKS) == (500, 1000)
    monkeypatch.setattr("qa.talks.TURNS", 2)
    monkeypatch.setattr("qa.talks.TALKS", 3)
    assert [talks.add(ME, talk_id(1), record("甲？")) for _ in range(3)] == [True, True, False]
    for number in (2, 3, 4, 5):
        talks.add(ME, talk_id(number), record(f"{number}？"))
        talks.add(OTHER, talk_id(10 + number), record(f"{number}？"))
    assert ids(talks) == [talk_id(5), talk_id(4), talk_id(3)]
    assert len(ids(talks, OTHER)) == 3


def test_a_damaged_file_is_said_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"no database" * 100)
    with pytest.raises(StoreError) as error:
        Talks(tmp_path, 90)
    assert error.value.code == "STORE_CORRUPT"
    assert (tmp_path / NAME).read_bytes() == b"no database" * 100


@given(st.text())
def test_a_title_is_one_line_of_what_was_typed(text: str) -> None:
    title = title_of(text)
    assert len(title) <= TITLE_CHARS
    assert len(title.splitlines()) <= 1
    assert title.removesuffix("…") in " ".join(text.split())


# As a file


def talk_of(*records: Record, title: str = "标题") -> Talk:
    return Talk(talk_id(1), title, tuple(Turn(each, 1_700_000_000) for each in records))


def test_the_exports_number_each_source_once_over_the_whole_conversation() -> None:
    talk = talk_of(record("甲？", "8000个", (3, 9), (20, 30)), record("乙？", "28名", (20, 30), (40, 50)))
    told = as_json(talk)
    assert [turn["sources"] for turn in told["turns"]] == [[1, 2], [2, 3]]
    assert [(source["number"], source["start"]) for source in told["sources"]] == [(1, 3), (2, 20), (3, 40)]
    assert [turn["record"] for turn in told["turns"]] == [turn.record for turn in talk.turns]
    assert json.loads(json.dumps(told)) == told
    markdown = as_markdown(talk, EN)
    for line in (
        "# 标题",
        "## 甲？",
        "**8000个** (66% sure)",
        "> 第3段 [1]",
        "Sources: [1] [2]",
        "> 第20段 [2]",
        "3. 标题, a.txt, characters 40–50",
    ):
        assert line in markdown.splitlines()


def test_what_several_passages_tell_is_exported_with_the_numbers_of_their_sources() -> None:
    one, two = record("谁？", "甲", (0, 5)), record("哪些？", "乙", (9, 12), (0, 5))
    two["gathered"] = [{"rank": 1, "text": "乙*", "highlights": []}, {"rank": 2, "text": "甲", "highlights": []}]
    two["passages"] = [each | {"rank": i, "highlights": []} for i, each in enumerate(two["passages"], 1)]
    lines = as_markdown(talk_of(one, two), EN).splitlines()
    at = lines.index(EN.gathered)
    assert lines[at + 2 : at + 4] == [r"- 乙\* [2]", "- 甲 [1]"]
    said = message_of(two, "http://here").splitlines()
    assert said[said.index(ZH.gathered) + 2 :][:2] == [r"- 乙\* [1]", "- 甲 [2]"]
    two["gathered"][0] |= {"asked": "时间"}
    assert r"- 时间: 乙\* [2]" in as_markdown(talk_of(one, two), EN).splitlines()
    assert EN.part_by_part in as_markdown(talk_of(one, two), EN).splitlines()
    assert [line for line in message_of(two, "http://here").splitlines() if "时间" in line] == [r"- 时间: 乙\* [1]"]


def test_what_was_not_found_is_exported_as_such() -> None:
    markdown = as_markdown(talk_of(record("甲？", None, (3, 9))), ZH)
    assert ZH.meaning["not_found"] in markdown
    assert "> " not in markdown
    assert "1. 标题，a.txt，第 3–9 字" in markdown


@given(st.text(alphabet="<>[]()*_`#&!\\~|\n $-+1.口a\"'", max_size=40))
def test_texts_mean_themselves_in_the_markdown(text: str) -> None:
    plain = " ".join(text.split())
    talk = talk_of(record(f"问{plain}", f"答{plain}", (3, 9)), title=f"题{plain}")
    tree = SyntaxTreeNode(MarkdownIt("commonmark").parse(as_markdown(talk, ZH)))
    kinds = {node.type for node in tree.walk()}
    assert kinds <= {
        *("root", "heading", "inline", "text", "paragraph", "em", "strong", "blockquote"),
        *("ordered_list", "list_item", "text_special", "softbreak"),
    }
    headings = [
        "".join(part.content for part in node.walk() if not part.children)
        for node in tree.walk()
        if node.type == "heading"
    ]
    assert headings[:2] == [f"题{plain}", f"问{plain}"]
