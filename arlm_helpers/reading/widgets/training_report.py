"""The words beside the picture of a training: a line of progress, samples, and what is left at the end."""

from collections.abc import Sequence
from datetime import timedelta
from html import escape

from arlm_helpers.reading.figures.smoothing import smoothed
from arlm_helpers.reading.history import History
from arlm_helpers.reading.widgets.explore import alert
from arlm_helpers.reading.widgets.strings import text

N_ROWS = 8  # of the table of losses
LIMIT = 2_000  # characters of a sample that are shown
SAMPLE = "white-space:pre-wrap;overflow-wrap:anywhere;max-height:14em;overflow:auto;max-width:46em"
SPACES = "\n\t\u00a0\u3000"  # shown as they are; repr of the last two would say that they cannot be printed


def progress_html(history: History, n_steps: int, *, seconds: float, n_done: int) -> str:
    """A bar and a line: step, losses, speed, time gone and time left.

    ``n_done`` steps were taken in the ``seconds`` since the dashboard began; a run that goes on from a
    checkpoint has taken more before.
    """
    last = history.points[-1]
    parts = [text("step_of", step=history.last_step, n_steps=n_steps), text("loss_now", loss=last.loss)]
    if history.held_out:
        parts.append(text("held_out_now", nats=history.held_out[-1][1]))
    parts.append(text("speed", speed=last.tokens_per_second))
    left = seconds / n_done * max(0, n_steps - history.last_step)
    parts.append(text("time_left", gone=clock(seconds), left=clock(left)))
    bar = f'<progress max="{n_steps}" value="{history.last_step}" aria-label="{text("progress")}"></progress>'
    return f"{bar} {escape(' · '.join(parts))}"


def clock(seconds: float) -> str:
    """Seconds as minutes and seconds, 1:05, with hours if there are any, 2:00:03."""
    return str(timedelta(seconds=round(seconds))).removeprefix("0:").removeprefix("0")


def readable(sample: str) -> str:
    """A text from a model with what cannot be shown as signs: a broken byte is ⟨E4⟩."""
    return "".join(map(_readable_sign, sample))


def _readable_sign(sign: str) -> str:
    if "\udc80" <= sign <= "\udcff":  # a byte that surrogateescape could not decode
        return f"⟨{ord(sign) - 0xDC00:02X}⟩"
    return sign if sign.isprintable() or sign in SPACES else f"⟨U+{ord(sign):04X}⟩"


def sample_html(step: int, sample: str) -> str:
    """A sample under its step, as text and never as markup; its beginning if it is very long."""
    shown = readable(sample[:LIMIT]) + "…" * (len(sample) > LIMIT)
    title = escape(text("sample_after", step=step))
    return (
        f'<div role="region" aria-label="{title}"><small>{title}</small>'
        f'<pre style="{SAMPLE}">{escape(shown)}</pre></div>'
    )


def report_lines(
    history: History, n_steps: int, *, seconds: float, training: float, asked: float, drawing: float
) -> list[str]:
    """What a run came to: how far, its losses, and which work took how many processor seconds."""
    if not history.points:
        return [text("no_steps")]
    end = "finished" if history.last_step >= n_steps else "stopped"
    lines = [text(end, step=history.last_step, n_steps=n_steps, gone=clock(seconds))]
    lines.append(text("training_loss_now", loss=smoothed(history.column("loss"))[-1]))
    if history.best:
        lines.append(text("held_out_best", step=history.best[0], nats=history.best[1]))
    share = drawing / training if training > 0 else 0.0
    lines.append(text("cost", training=training, asked=asked, drawing=drawing, share=share))
    return lines


def report_html(history: History, lines: Sequence[str], problems: Sequence[str]) -> str:
    """The lines and problems, a table of losses, and the samples, the newest open and the others folded."""
    html = f"<p>{'<br>'.join(map(escape, lines))}</p>{''.join(map(alert, problems))}"
    if history.points:
        html += f"<details><summary>{escape(text('losses'))}</summary>{losses_table(history)}</details>"
    *earlier, newest = [sample_html(*kept) for kept in history.samples] or [""]
    if earlier:
        title = escape(text("earlier_samples"))
        html += f"<details><summary>{title}</summary>{''.join(earlier)}</details>"
    return html + newest


def losses_table(history: History) -> str:
    """Training and held-out loss at a few steps: where it was held out, else evenly over the run."""
    losses = dict(zip(history.column("step"), smoothed(history.column("loss")), strict=True))
    held_out = dict(history.held_out)
    rows = []
    for step in _evenly(sorted(held_out or losses)):
        nearest = min(losses, key=lambda known: abs(known - step))
        cells = [f"{step:,}", f"{losses[nearest]:.3f}", f"{held_out[step]:.3f}" if step in held_out else ""]
        rows.append("".join(f"<td>{cell}</td>" for cell in cells))
    heads = "".join(f'<th scope="col">{escape(text(key))}</th>' for key in ("step", "training", "held_out"))
    return f"<table><tr>{heads}</tr>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"


def _evenly(steps: Sequence[int]) -> list[int]:
    """At most ``N_ROWS`` of the steps, first and last among them."""
    if len(steps) <= N_ROWS:
        return list(steps)
    return [steps[round(i * (len(steps) - 1) / (N_ROWS - 1))] for i in range(N_ROWS)]
