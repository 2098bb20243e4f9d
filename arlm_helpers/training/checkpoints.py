"""Checkpoints: everything a run needs to go on, saved so that no accident costs more than the last steps."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from os import PathLike
from pathlib import Path

from torch import Tensor

from arlm_helpers.training.run_folder import (
    errors_that_name,
    locked,
    remove_step,
    saved_steps,
    step_path,
)
from arlm_helpers.training.tensor_files import DamagedError, read_pair, write_pair

KEPT = 2  # the newest, and one to fall back on should the newest be damaged


class Checkpoints:
    """The checkpoints in one folder, each a pair step_00000100.safetensors and step_00000100.json.

    Use it under ``lock()``, one writer at a time. A step exists once its JSON file does, and that is written
    last: a process killed at any moment leaves the step before it as good as it was.
    """

    def __init__(self, folder: str | PathLike[str]) -> None:
        self.folder = Path(folder)
        self._last_good_step: int | None = None
        self._damaged: set[int] = set()

    @property
    def last_good_step(self) -> int | None:
        """The newest step that was saved or loaded here; None before the first."""
        return self._last_good_step

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Be the only writer; see ``run_folder.locked``.

        Raises:
            RuntimeError: at once, if another run writes to this folder.
            OSError: if the folder cannot be made or written.
        """
        with locked(self.folder):
            yield

    def save(self, tensors: Mapping[str, Tensor], facts: Mapping[str, object]) -> None:
        """Save a checkpoint of step ``facts["step"]``, then remove all but the newest two.

        Steps beyond this one belong to a future that is no more (they could not be read, and the run went
        back), so they are removed too.

        Raises:
            OSError: if the disk is full or the folder cannot be written; what was saved before is untouched.
        """
        step = facts["step"]
        with errors_that_name(self.folder, self._if_not_saved(step)):
            write_pair(step_path(self.folder, step), tensors, facts)
        self._last_good_step = step
        self._damaged.discard(step)
        with suppress(OSError):  # a file that someone reads (Windows) goes after the next save
            self._remove_all_but_the_newest(step)

    def latest(self) -> tuple[dict[str, Tensor], dict] | None:
        """Tensors and facts of the newest checkpoint that is whole; None if there is none at all.

        A damaged one is skipped, with a warning, if an older one is whole.

        Raises:
            DamagedError: a ValueError; if there are checkpoints, and none of them is whole.
        """
        problems = []
        for step in reversed(saved_steps(self.folder)):
            try:
                tensors, facts = read_pair(step_path(self.folder, step))
            except DamagedError as problem:
                self._damaged.add(step)
                problems.append(str(problem))
                continue
            if problems:
                warnings.warn(f"{'; '.join(problems)}. Going on from step {step} instead", stacklevel=2)
            self._last_good_step = step
            return tensors, facts
        if problems:
            raise DamagedError(
                f"no checkpoint can be read: {'; '.join(problems)}. Bring the files back from a copy, or "
                f"remove the step_* files in {self.folder} to begin again at step 0"
            )
        return None

    def _remove_all_but_the_newest(self, step: int) -> None:
        steps = saved_steps(self.folder)
        good = [saved for saved in steps if saved <= step and saved not in self._damaged]
        for old in set(steps) - set(good[-KEPT:]):
            remove_step(self.folder, old)

    def _if_not_saved(self, step: int) -> str:
        if self._last_good_step is None:
            return f"Step {step} is not saved, and no step was before"
        return (
            f"Step {step} is not saved; step {self._last_good_step} is, and the same call goes on from there"
        )
