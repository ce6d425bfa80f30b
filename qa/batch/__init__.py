"""A file of questions → a file of answers: the records of ``Bot.ask_many``, a row for each row of the input.

Stands on top of the bot, beside the web: nothing here knows how an answer is found. From the bottom up::

    wording, values      what people read in a result; rows, options
    reading              txt, jsonl, csv, tsv, xlsx → rows, streamed
    answering            rows → answered rows, in batches, equal questions once
    answers_file         answered rows on disk, safe against a kill
    scoring              answers against gold columns and an earlier run
    writing              answered rows → jsonl, csv, xlsx, HTML
    about, running       the index that answers; the run at the desk
    job, jobs            the same as jobs of a server, kept on disk

A row that can't be asked becomes a record with ``status`` "error" that names its line, and the rest goes on; a blank
one becomes "skipped", so that the output's rows stand beside the input's.
"""

from qa.batch.about import Beside, about
from qa.batch.answering import CHUNK, answers
from qa.batch.reading import Questions
from qa.batch.running import BatchReport, check_out, default_out, run
from qa.batch.template import template
from qa.batch.values import Options, Row
from qa.batch.writing import FORMATS, Wishes, format_of, natural_format

__all__ = [
    "CHUNK",
    "FORMATS",
    "BatchReport",
    "Beside",
    "Options",
    "Questions",
    "Row",
    "Wishes",
    "about",
    "answers",
    "check_out",
    "default_out",
    "format_of",
    "natural_format",
    "run",
    "template",
]
