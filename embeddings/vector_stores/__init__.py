"""Interchangeable vector stores, one file per library; the contract is ``embeddings.vector_store``."""
