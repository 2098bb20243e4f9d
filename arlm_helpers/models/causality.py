"""A test of the promise that no model of next tokens may break: the future does not change the past."""

import torch


def assert_causal(model, *, n_tokens: int = 8) -> None:
    """Change one id after the other: the logits at all earlier positions must stay equal bit for bit.

    ``model`` is anything that turns ids into logits and has a ``vocab_size``; if it has dropout, call
    ``model.eval()`` before.

    Raises:
        AssertionError: it says which id changed which logits.
        ValueError: if the model cannot be tested, because two readings of one text differ.
    """
    n_tokens = min(n_tokens, getattr(model, "context_length", None) or n_tokens)
    ids = torch.arange(n_tokens).unsqueeze(0) % model.vocab_size
    logits = model(ids)
    if not torch.equal(logits, model(ids)):
        raise ValueError("reading the same ids twice gave different logits; call model.eval() first")
    for changed in range(1, n_tokens):
        other = ids.clone()
        other[0, changed] = (other[0, changed] + 1) % model.vocab_size
        differs = (model(other) != logits)[0, :changed].any(dim=-1)
        assert not differs.any(), (
            f"changing the id at position {changed} changed the logits at position "
            f"{differs.nonzero()[0].item()}: the model sees the future"
        )
