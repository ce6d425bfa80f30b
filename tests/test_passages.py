"""Sections → passages: whole sentences of one section, of a length that answers a question."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from structure_scores import SEEDS, document, sample

from qa.articles import Article, Paragraph, Section, pieces
from qa.articles.assemble import split_page
from qa.passages import LONGEST, SHORTEST, TARGET, Passage, split_article, split_section
from qa.text import sentences

SENTENCES = st.lists(
    st.tuples(
        st.integers(1, 400), st.sampled_from(["。", "！", "？", "，", ""]), st.sampled_from(["", "\n\n", "\r\n"])
    ).map(lambda part: "春" * part[0] + part[1] + part[2]),
    min_size=1,
    max_size=12,
).map("".join)


def section(text: str) -> Section:
    """The whole text as one section, a paragraph a line."""
    found = [Paragraph(match[0], pieces(range(match.start(), match.end()))) for match in re.finditer(r"[^\r\n]+", text)]
    return Section(None, 0, len(text), tuple(found))


def all_passages(text: str) -> list[tuple[Article, Section, list[Passage]]]:
    return [
        (article, part, passages)
        for article in split_page(document(text)).articles
        for part, passages in split_article(text, article)
    ]


def test_lengths_are_asked_for_by_name() -> None:
    assert 0 < SHORTEST < TARGET < LONGEST <= 350


def test_a_section_shorter_than_the_shortest_is_its_own_passage() -> None:
    text = "新船昨天下水。票价仍是两元。"
    (passage,) = split_section(text, section(text))
    assert (passage.start, passage.end, passage.text) == (0, len(text), text)


def test_a_section_without_text_has_no_passage() -> None:
    assert split_section("标题", Section("标题", 0, 2, ())) == []


def test_a_long_section_is_cut_at_sentences_and_rather_at_paragraphs() -> None:
    # Three paragraphs of 200: one passage each costs 3 · ((200 − 220) / 100)² = 0.12; any other cut costs more.
    paragraph = ("春" * 99 + "。") * 2
    text = "\n\n".join([paragraph] * 3)
    assert [passage.text for passage in split_section(text, section(text))] == [paragraph] * 3


def test_short_paragraphs_share_a_passage_a_line_each() -> None:
    text = "第一句话。\r\n\r\n第二句话。\n\n第三句话。"
    (passage,) = split_section(text, section(text))
    assert passage.text == "第一句话。\n第二句话。\n第三句话。"
    assert "".join(text[piece.start : piece.end] for piece in passage.pieces) == passage.text


def test_a_sentence_that_is_too_long_is_cut_at_its_clauses() -> None:
    text = ("春" * 150 + "，") * 4 + "。"
    found = split_section(text, section(text))
    assert "".join(passage.text for passage in found) == text
    assert all(passage.text.endswith(("，", "。")) and len(passage.text) <= LONGEST for passage in found)


def test_captions_far_apart_are_passages_of_their_own() -> None:
    text = "甲图说明。" + "正" * 60 + "乙图说明。丙图说明。"
    spans = [(0, 5), (65, 70), (70, 75)]
    captions = tuple(Paragraph(text[a:b], pieces(range(a, b))) for a, b in spans)
    found = split_section(text, Section(None, 0, 75, captions, kind="captions"))
    assert [passage.text for passage in found] == ["甲图说明。", "乙图说明。丙图说明。"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("图为渡口的新船。\n\n图为老渡口。\n\n本报记者 何小满", "图为渡口的新船。\n图为老渡口。\n本报记者 何小满"),
        ("图为渡口的新船。\n\n本报记者 何小满\n\n图为老渡口。", "图为渡口的新船。\n本报记者 何小满\n图为老渡口。"),
        ("本报记者 何小满\n\n图为渡口的新船。\n\n图为老渡口。", "本报记者 何小满\n图为渡口的新船。\n图为老渡口。"),
    ],
)
def test_a_byline_among_captions_stands_where_it_is_printed(text: str, shown: str) -> None:
    ((_, part, (passage,)),) = all_passages(text)
    assert part.kind == "captions"
    assert passage.text == shown
    places = [place for piece in passage.pieces for place in (piece.start, piece.end)]
    assert (passage.start, passage.end) == (0, len(text))
    assert places == sorted(places)


def test_a_byline_among_captions_stays_with_those_around_it() -> None:
    near, far = "图为渡口的新船。\n\n本报记者 何小满\n\n图为老渡口。", "图为桥。"
    text = near + "\n" * 60 + far
    ((_, part, (first, second)),) = all_passages(text)
    assert part.kind == "captions"
    assert (first.text, second.text) == ("图为渡口的新船。\n本报记者 何小满\n图为老渡口。", far)
    assert first.end <= second.start
    assert split_section(text, replace(part, paragraphs=())) == []


@settings(max_examples=150, deadline=None)
@given(SENTENCES)
def test_passages_hold_every_character_once_in_order(text: str) -> None:
    found = split_section(text, section(text))
    places = [place for passage in found for piece in passage.pieces for place in range(piece.start, piece.end)]
    assert places == sorted(set(places))
    assert [place for place in range(len(text)) if not text[place].isspace()] == [
        place for place in places if not text[place].isspace()
    ]


@settings(max_examples=150, deadline=None)
@given(SENTENCES)
@example("春。\n\n" + "春" * 347 + "。")  # with the line break between them one too long
def test_passages_are_slices_of_the_page_and_no_longer_than_allowed(text: str) -> None:
    for passage in split_section(text, section(text)):
        assert "".join(text[piece.start : piece.end] for piece in passage.pieces) == passage.text
        assert 0 < len(passage.text) <= LONGEST
        assert passage.start == passage.pieces[0].start
        assert passage.end >= passage.pieces[-1].end


@settings(max_examples=150, deadline=None)
@given(SENTENCES)
def test_passages_tile_their_section_and_end_at_sentences(text: str) -> None:
    found = split_section(text, section(text))
    assert all(left.end == right.start for left, right in pairwise(found))
    ends = {end for _, end in sentences(text)}
    for passage in found[:-1]:
        long = any(end - start > LONGEST for start, end in sentences(text) if start < passage.pieces[-1].end <= end)
        assert passage.pieces[-1].end in ends or long


@pytest.mark.parametrize("file", sorted(path.name for path in SEEDS.glob("*.txt")))
def test_passages_of_a_sample_page_stay_inside_their_article(file: str) -> None:
    text = sample(file)
    found = all_passages(text)
    assert found
    bodies = [(article.start, article.end) for article, _, _ in found]
    for article, part, passages in found:
        for passage in passages:
            if part.kind == "text":
                assert article.start <= passage.start < passage.end <= max(article.end, passage.pieces[-1].end)
                others = [body for body in bodies if body != (article.start, article.end)]
                assert not any(passage.start < end and start < passage.end for start, end in others)


def test_passages_of_the_sample_pages_are_of_a_length_that_answers() -> None:
    lengths = [
        (len(passage.text), len(passages), part.kind)
        for path in SEEDS.glob("*.txt")
        for _, part, passages in all_passages(sample(path.name))
        for passage in passages
    ]
    assert max(length for length, _, _ in lengths) <= LONGEST
    assert 150 <= sum(length for length, _, _ in lengths) / len(lengths) <= 250
    # Only what has no neighbour in its section may be shorter.
    assert all(count == 1 or kind == "captions" for length, count, kind in lengths if length < SHORTEST)
