"""A short text by a model of the owner's choice, under the extracts: off unless ``WENBAO_LLM_URL`` is set.

An answer record goes in, statements that cite its passages come out; the record itself stays as it is, whatever the
model's server does. From the bottom up::

    values       what has been written so far; what can go wrong
    endpoint     the server: one request, its text as it comes, within bounds
    prompt       record → messages; articles are quoted as data
    support      does a cited passage bear a statement out?
    grounding    text as it comes → plain statements, each with a mark that is true
    breaker      when the server is left alone for a while
    writing      all of it in turn: ``Writer``
"""

from qa.generate.endpoint import Endpoint
from qa.generate.support import Support
from qa.generate.values import GenerationError, Written
from qa.generate.writing import Writer

__all__ = ["Endpoint", "GenerationError", "Support", "Writer", "Written"]
