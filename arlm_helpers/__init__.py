"""Helper package of the course on autoregressive language models.

How a number travels:

    text ─tokenizers→ ids ─model(ids, cache)→ logits ─processors→ choose → ids → text

Rows, each importing only from those above it: ``text`` (files, tokenizers, the toy language),
``models`` (one call for all of them), ``training`` (losses and what lowers them), ``decoding``
(sampling, evaluation, compression). ``reading`` (figures, widgets, checks) imports none of them:
it takes numbers and functions.

Importing this package loads nothing else; import the module you need.
"""
