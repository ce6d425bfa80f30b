"""A bot that answers every question with itself, for tests of batches: quick, and the same each time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qa.answer import Question
from qa.errors import QuestionError


class EchoBot:
    """Answers with the question; those that begin with "?" aren't found, and blank ones are refused."""

    def __init__(self, answers: dict[str, str | None] | None = None) -> None:
        self.answers = answers or {}
        self.asked: list[Question] = []

    def check(self, question: str) -> None:
        """As the bot does."""
        if not question.strip():
            raise QuestionError("QUESTION_EMPTY", "The question is empty; write one.")

    def ask_many(self, questions: Sequence[Question]) -> list[dict[str, Any]]:
        """A record for each."""
        self.asked += questions
        return [self._record(question) for question in questions]

    def _record(self, question: Question) -> dict[str, Any]:
        answer = self.answers.get(question.question, question.question)
        passages = [
            {
                "rank": rank,
                "score": 1 / rank,
                "text": "原文",
                "source": {
                    "file": file,
                    "article": f"标题{rank}",
                    "section": "一 › 二" if rank == 1 else None,
                    "article_id": rank,
                    "start": 10 * rank,
                    "end": 10 * rank + 9,
                },
                "highlights": [{"start": 10 * rank + 1, "end": 10 * rank + 4}],
                "why": {"terms": ["甲"], "lexical_rank": rank, "dense_rank": None, "fused_score": 1 / rank},
            }
            for rank, file in enumerate(("pages/a.txt", "pages/b.txt"), 1)
        ]
        return {
            "id": question.id,
            "question": question.question,
            "status": "not_found" if answer is None else "answered",
            "answer": answer,
            "confidence": 0.0 if answer is None else 0.75,
            "searched_as": question.question,
            "passages": passages,
            "trace_id": "t",
            "elapsed_ms": 1.0,
        }
