"""Articles → passages → hits → answers → the ways to ask. Importing it loads nothing; ``qa.bot.Bot`` is where to start.

The data's way, from the bottom up (docs/design.md draws it; the import order is checked with the tests)::

    errors, config                what can go wrong, what can be set
    text                          folding for matching, sentences, terms
    reading                       files → text
    articles, passages            text → articles → sections → passages
    migrations, store             SQLite, the only truth
    lexical, hits, chat           BM25; ranked lists fused; follow-ups completed
    generations, milvus, indexing indexes as caches of the store; files → store
    retrieve, answer, evaluate    question → hits → record; how good it is
    bot                           the only place that picks concrete classes
    batch, web, cli               the surfaces
"""
