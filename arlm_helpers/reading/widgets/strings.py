"""Every word that a widget shows, in one place. A further language is a further table with the same keys."""

STRINGS: dict[str, dict[str, str]] = {
    "en": {
        "error": "This could not be drawn. {problem}",
        "language": "en",
        # temperature
        "prompt": "prompt",
        "temperature": "temperature",
        "seed": "seed",
        "new_seed": "new seed",
        "new_seed_tip": "draw another continuation",
        "max_tokens": "length",
        "continuation": "Continuation",
        "your_prompt": "your prompt",
        "written_by_model": "written by the model",
        # order
        "order": "order n",
        "smoothing": "smoothing",
        "train": "training text",
        "held_out": "held-out text",
        "bits_per_character": "bits per character",
        "order_title": "Order {order}: {held_out:.2f} bits on new text, {train:.2f} on old",
        "seen": "{seen:.1%} of the held-out {order}-grams occur in the training text.",
        "sample": "Sample, order {order}, {smoothing}",
        # training
        "progress": "training progress",
        "waiting": "waiting for the first step",
        "step": "step",
        "training": "training, nats per token",
        "step_of": "step {step:,} of {n_steps:,}",
        "loss_now": "loss {loss:.3f} nats",
        "held_out_now": "held-out {nats:.3f}",
        "speed": "{speed:,.0f} tokens/s",
        "time_left": "{gone} gone, about {left} left",
        "sample_after": "Sample after step {step:,}",
        "earlier_samples": "Earlier samples",
        "losses": "Losses as a table",
        "no_steps": "No step was taken: the training was at its end already.",
        "finished": "Finished: {step:,} steps; {gone} by the clock.",
        "stopped": "Stopped early, after step {step:,} of {n_steps:,}; {gone} by the clock.",
        "training_loss_now": "Training loss at the end, smoothed: {loss:.3f} nats per token.",
        "held_out_best": "Lowest held-out loss: {nats:.3f} nats per token, at step {step:,}.",
        "cost": "Processor time: training {training:.1f} s, validation and samples {asked:.1f} s, "
        "this dashboard {drawing:.2f} s ({share:.1%} of training).",
        "failed": "{name}() failed after step {step:,}. {problem}",
        # hidden states
        "cell": "cell",
        "position": "character",
        "best_cells": "most selective",
        "any_cell": "another cell",
        "value_here": "After {letter} at {position:,}: {value:+.3f}",
        # attention
        "layer": "layer",
        "head": "head",
        "head_number": "head {head}",
        "head_title": "Where {layer}, head {head}, looks",
        "token_that_looks": "token that looks",
        "switched_off": "switch this head off",
        "looks_at": "{token} gives {found}.",
        "weight_at": "{weight:.2f} to {token} at {position}",
        "loss_whole": "Loss with all heads: {loss:.3f} nats per token.",
        "loss_without": "Loss without {heads}: {loss:.3f} nats per token; with all heads {whole:.3f}.",
        # tokens
        "text": "text",
        "tokenizer": "tokenizer",
        "token": "token",
        "id": "id",
        "bytes": "bytes",
        "as_table": "the same as a table",
        "n_tokens": "{tokens:,} tokens · {per_token:.2f} characters, {bytes_per_token:.2f} bytes per token",
        "no_tokens": "0 tokens",
        "ribbon": "tokens in reading order",
        "too_long": "The text has {length:,} characters; at most {limit:,} are shown. Shorten it.",
        "row_limit": "{shown:,} of {total:,} tokens in the table.",
        "cannot_encode": "{tokenizer} cannot encode this text. {problem}",
    }
}


def text(key: str, *, language: str = "en", **values: object) -> str:
    """The words for ``key`` with ``values`` filled in.

    Raises:
        KeyError: if the key or the language is not in the table.
    """
    return STRINGS[language][key].format(**values)
