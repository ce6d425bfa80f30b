"""The product beside what people would put together instead: same passages, same vectors, same questions, one run.

``python -m benchmarks.peers`` (docs/benchmarks.md). ``corpus`` makes what all of them get, ``worker`` runs one of them
in an environment of its own, ``recipes/`` has one file for each, after its own documentation, ``figures`` sums up.
"""
