"""Answers against gold columns: what is right, how good a run is, where it is worst, what changed."""
