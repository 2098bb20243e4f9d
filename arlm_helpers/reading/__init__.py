"""Numbers in, pictures and verdicts out: style, figures, widgets, checks. Imports no model."""
