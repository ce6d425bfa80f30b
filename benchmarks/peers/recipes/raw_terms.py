"""As ``raw``, with what the product searches by: its terms (cut by it, in its time) and 100 hits of each leg.

What is left between this and the product's legs is the product's own code around the two libraries.
"""

from __future__ import annotations

from recipes import raw

from qa.text import Terms

raw.LEG = 100


class Peer(raw.Peer):  # type: ignore[misc]  # known to the worker alone
    """See the package."""

    cut = Terms()

    def terms(self, text: str) -> list[str]:
        """The product's."""
        return self.cut.passage(text)
