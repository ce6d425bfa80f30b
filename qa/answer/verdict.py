"""The verdict: whether any passage answers, and how probably the chosen text is right.

Two logistic regressions over a few measures of a question's retrieval and of its best candidate. Neither the size of
the corpus nor the scale of a model's cosines goes in. Fitted by ``python -m benchmarks.answers fit`` on questions with
and without an answer in the corpus; docs/answers.md has the error rates.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

WEIGHTS = Path(__file__).parent / "weights" / "verdict.json"

Status = Literal["answered", "possible", "not_found"]
NEVER = ("far", "bare", "other_year", "untold_count")
"""Measures with which a text is at most ``possible``: too far in another language, nothing asked, of another year,
nothing of what is counted."""
Evidence = Mapping[str, float]
"""Measures by name: see ``qa.answer.evidence``."""


@dataclass(frozen=True, slots=True)
class Logistic:
    """A logistic regression: probability 1 / (1 + exp(−(bias + Σ weight · measure)))."""

    bias: float
    weights: Mapping[str, float]

    def probability(self, evidence: Evidence) -> float:
        """0 to 1. Every measure that has a weight must be there."""
        total = self.bias + sum(weight * evidence[name] for name, weight in self.weights.items())
        return 1 / (1 + math.exp(-total)) if total > -700 else 0.0


@dataclass(frozen=True, slots=True)
class Judge:
    """Both regressions with the thresholds that part the three outcomes."""

    answerable: Logistic
    right: Logistic
    found_from: float
    """Below this probability of being answerable: ``not_found``."""
    answered_from: float
    """From this probability of being right on: ``answered``; between the two: ``possible``."""

    def verdict(self, evidence: Evidence) -> tuple[Status, float]:
        """Status, and the probability that the chosen text is right. Some evidence is never claimed: see ``NEVER``."""
        confidence = self.right.probability(evidence)
        if self.answerable.probability(evidence) < self.found_from or evidence.get("other_area", 0.0):
            return "not_found", confidence
        claimed = confidence >= self.answered_from and not any(evidence.get(name, 0.0) for name in NEVER)
        return ("answered" if claimed else "possible"), confidence


@dataclass(frozen=True, slots=True)
class Measured:
    """How often the shipped judge erred on the public sets when it was fitted on their other half; shares of 1."""

    answerable: int
    """Questions that the passages answer, two in three reworded."""
    answerable_refused: float
    right_when_answered: float
    unanswerable: int
    """Questions whose passage, or whose sentence, was taken away, or that ask about another name."""
    unanswerable_answered: float
    calibration_error: float
    """Expected calibration error of ``confidence``."""


@cache
def _file() -> dict[str, dict[str, float]]:
    values: dict[str, dict[str, float]] = json.loads(WEIGHTS.read_text(encoding="utf-8"))
    return values


@cache
def shipped() -> Judge:
    """The judge that comes with the package."""
    return from_json(_file())


def measured() -> Measured:
    """The rates that docs/answers.md and the help page tell."""
    return Measured(**_file()["measured"])  # type: ignore[arg-type]  # counts are whole in the file


def from_json(values: Mapping[str, Mapping[str, float]]) -> Judge:
    """A judge from its file's content."""
    thresholds = values["thresholds"]
    return Judge(
        _logistic(values["answerable"]),
        _logistic(values["right"]),
        thresholds["found_from"],
        thresholds["answered_from"],
    )


def _logistic(values: Mapping[str, float]) -> Logistic:
    return Logistic(values["bias"], {name: weight for name, weight in values.items() if name != "bias"})
