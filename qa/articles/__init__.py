"""Page → articles → sections → paragraphs: what a reader sees at a glance, found by general cues.

Second stage of the data's way (docs/articles.md tells it with pictures). ``blocks`` joins lines to blocks, ``roles``
says what each block is, ``assemble`` builds the articles: ``qa.articles.assemble.split_page``, which isn't loaded with
the package, for its cues take a tenth of a second to compile and no question needs them. No I/O, no index: a function
of the text.
"""

from qa.articles.dates import article_dates
from qa.articles.reporters import BYLINE_MARKS, NEAR, PAPER, dateline_length
from qa.articles.values import Article, Dated, Furniture, Page, Paragraph, Piece, Section, Span, pieces, shown_spans

ARTICLES_VERSION = 2
"""Grows when the same text would be split or dated otherwise; files are then split again from the store."""

__all__ = [
    "ARTICLES_VERSION",
    "BYLINE_MARKS",
    "NEAR",
    "PAPER",
    "Article",
    "Dated",
    "Furniture",
    "Page",
    "Paragraph",
    "Piece",
    "Section",
    "Span",
    "article_dates",
    "dateline_length",
    "pieces",
    "shown_spans",
]
