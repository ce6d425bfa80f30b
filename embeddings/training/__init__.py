"""How the embedded multilingual sentence model was made, from raw pairs to the folder ``embeddings/model``.

    rows (data) ─▶ less what evaluation sets share (overlap) ─▶ tokenizer ─▶ token ids (bags) ─┐
    English rows ─▶ vectors of the English teacher, cached (teacher) ───────────────────────────┤
                                                                      batches ─▶ train ─▶ export ─▶ measure

``python -m embeddings.training --data DIR --out DIR`` runs all of it; see docs/model.md. Nothing here is imported by
the product.
"""
