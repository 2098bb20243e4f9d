"""Text, tokens and the toy language: what comes before any model."""
