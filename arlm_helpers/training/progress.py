"""A line of text that says how a training run is doing and when it will be done."""

from collections.abc import Iterable, Iterator

from tqdm import tqdm

from arlm_helpers.training.trainer import TrainStep


def progress(steps: Iterable[TrainStep], total: int) -> Iterator[TrainStep]:
    """Pass ``steps`` through, and show loss, learning rate, tokens per second and the time left.

    The time left includes what the caller does between steps. A run that goes on from a checkpoint
    starts in the middle of the bar.
    """
    with tqdm(total=total, unit="step") as bar:
        for step in steps:
            if bar.n == 0:
                bar.initial = bar.n = step.step - 1
            bar.set_postfix_str(
                f"loss {step.loss:.3f}, lr {step.learning_rate:.2g}, {step.tokens_per_second:,.0f} tokens/s",
                refresh=False,
            )
            bar.update()
            yield step
