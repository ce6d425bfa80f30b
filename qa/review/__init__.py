"""What was asked, how it was answered, what people thought of it; and how a question becomes a gold one.

``ReviewLog`` writes and reads ``DATA/review.db``: whoever answers a question tells it the record, off the question's
way. ``gold`` writes ``DATA/gold.jsonl``, which ``wenbao eval`` and ``wenbao batch`` read. docs/desk.md describes both.
"""

from qa.review.gold import add_gold, gold_row
from qa.review.log import ReviewLog
from qa.review.values import REASONS, STATUSES, Asked, Feedback, Figures, Group, Wanted

__all__ = [
    "REASONS",
    "STATUSES",
    "Asked",
    "Feedback",
    "Figures",
    "Group",
    "ReviewLog",
    "Wanted",
    "add_gold",
    "gold_row",
]
