"""Hits → the answer record: the passages with their sources, the text that answers, and how sure that is.

The data's way here: ``kinds`` (what sort of answer a question wants) → ``candidates`` (spans of the best sentences) →
``ranker`` (which of them answers) → ``evidence`` and ``verdict`` (whether any does, and how sure that is) → ``record``;
``finding`` is the first three in one. docs/answers.md has the measurements.
"""

from qa.answer.joining import joined, labelled
from qa.answer.parts import in_parts
from qa.answer.record import Question, Record, answer_many, record_json

__all__ = ["Question", "Record", "answer_many", "in_parts", "joined", "labelled", "record_json"]
