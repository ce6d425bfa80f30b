"""Places: where a part of a passage's text stands in the original file, between what was printed in between."""

from __future__ import annotations

from qa.store import StoredPassage


def places(passage: StoredPassage, start: int, end: int) -> list[dict[str, int]]:
    """Where a span of the passage's text stands in the original; several places when other text is in between."""
    spans: list[list[int]] = []
    at = 0
    for piece in passage.pieces:
        low, high = max(start, at), min(end, at + piece.end - piece.start)
        if low < high:
            first, last = piece.start + low - at, piece.start + high - at
            # Line-break blanks and marks between two pieces of a sentence are a few characters; a caption is more.
            if spans and 0 <= first - spans[-1][1] <= 4:
                spans[-1][1] = last
            else:
                spans.append([first, last])
        at += piece.end - piece.start
    return [{"start": first, "end": last} for first, last in spans]
