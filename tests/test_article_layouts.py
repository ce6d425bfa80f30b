"""The sample pages re-set in other layouts: what a reader sees must be found, however the page is printed."""

from __future__ import annotations

import pytest
from resetting import LAYOUTS, Layout, reset
from structure_scores import GOLD, document, gold, inspected, sample, scored

pytestmark = pytest.mark.skipif(not GOLD.exists(), reason="the gold folder isn't beside this checkout")


def test_the_sample_pages_are_split_as_a_reader_splits_them() -> None:
    truth = gold()
    scores = scored([inspected(document(sample(page["file"]), page["file"])) for page in truth], truth)
    assert scores.articles >= 0.95
    assert scores.headlines >= 0.95
    assert scores.sections >= 0.93
    assert scores.covered >= 0.98
    assert scores.straddling == 0
    assert scores.furniture >= 0.9


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_the_pages_are_split_alike_in_every_layout(layout: Layout) -> None:
    truth = gold()
    pages = reset([sample(page["file"]) for page in truth], truth, layout)
    scores = scored([inspected(document(text, page["file"])) for text, page in pages], [page for _, page in pages])
    assert scores.articles >= 0.99
    # One kicker (001) reads like a headline over a subhead where nothing marks the headline: 22 of 23.
    assert scores.headlines >= 0.95
    assert scores.sections >= 0.96
    assert scores.covered >= 0.97
    assert scores.straddling == 0
    assert scores.furniture >= 0.9


def test_a_reset_page_keeps_its_truth_in_place() -> None:
    truth = gold()
    sources = [sample(page["file"]) for page in truth]
    for layout in LAYOUTS:
        if layout.letter_spaced or layout.lines > 1 or layout.full_width or layout.renamed:
            continue
        for text, page in reset(sources, truth, layout):
            for article in page["articles"]:
                if article["headline"]:
                    start = article["headline_start"]
                    assert text[start : start + len(article["headline"])] == article["headline"], layout.name
