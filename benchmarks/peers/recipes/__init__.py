"""One file for each peer, after its own documentation, with the setting that lets it find Chinese words.

Each has a class ``Peer(folder, questions, question_vectors)`` with ``index(texts, vectors, place)``, which makes all
anew (``place`` is an empty folder), and ``search(question, vector, k)``, which gives numbers of rows, best first.
"""
