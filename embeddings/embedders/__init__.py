"""Interchangeable embedders, one file per library; the contract is ``embeddings.embedder``."""
