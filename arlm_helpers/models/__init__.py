"""Models. Each answers one call: ``model(ids, cache=None) -> logits``, all positions, never a loss."""
