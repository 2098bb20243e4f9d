"""Take one piece after the other from a saved run: which losses would go unnoticed when the run goes on?"""

import json
import sys
from pathlib import Path

from training.interrupted import follow, start, watch

from arlm_helpers.training.checkpoints import Checkpoints
from arlm_helpers.training.run_folder import step_path
from arlm_helpers.training.tensor_files import write_pair

SAVED = 7


def without(state, path):
    """A copy of nested dictionaries that lacks one entry."""
    key, *rest = path
    return {k: without(v, rest) if rest and k == key else v for k, v in state.items() if rest or k != key}


def with_value(state, path, value):
    """A copy of nested dictionaries with another value at one entry."""
    key, *rest = path
    return {**state, key: with_value(state[key], rest, value) if rest else value}


def paths(state):
    """The way to each value of nested dictionaries."""
    for key, value in state.items():
        below = paths(value) if isinstance(value, dict) else [()]
        yield from [(key, *rest) for rest in below]


def value_at(state, path):
    for key in path:
        state = state[key]
    return state


class Run:
    """A run of this kind that was never stopped, and others that are stopped and go on in new folders."""

    def __init__(self, folder, **kind):
        self.folder, self.kind, self.n_folders = folder, kind, 0
        self.rest = follow(self.start("whole"))[SAVED:]

    def start(self, name):
        return start(self.folder / name, checkpoint_every=None, **self.kind)

    def saved_at(self, step):
        """Tensors and facts of a run that stopped there."""
        follow(self.start(f"until {step}"), step)
        return Checkpoints(self.folder / f"until {step}").latest()

    def goes_on_the_same(self, tensors, facts):
        """Whether nobody could tell the run that goes on from this state from one that never stopped."""
        self.n_folders += 1
        name = f"altered {self.n_folders}"
        (self.folder / name).mkdir()
        write_pair(step_path(self.folder / name, SAVED), tensors, facts)
        try:
            return all(row == same for row, same in zip(watch(self.start(name)), self.rest, strict=True))
        except (KeyError, ValueError):
            return False


def unnoticed(run):
    """For each kind of loss the names that were tried, and those of them that nobody would miss."""
    tensors, facts = run.saved_at(SAVED)
    fresh_tensors, fresh = run.saved_at(1)
    moving = [path for path in paths(facts) if value_at(facts, path) != value_at(fresh, path)]
    identity = [path for path in paths(facts) if path[0] in ("model", "config", "batches")]
    losses = {
        "nothing": {("nothing",): (tensors, facts)},
        "tensor": {(name,): (without(tensors, [name]), facts) for name in tensors},
        "fresh tensor": {(name,): ({**tensors, name: fresh_tensors[name]}, facts) for name in tensors},
        "fact": {path: (tensors, without(facts, path)) for path in [*((name,) for name in facts), *moving]},
        "fresh fact": {p: (tensors, with_value(facts, p, value_at(fresh, p))) for p in moving},
        "identity": {path: (tensors, with_value(facts, path, "another")) for path in identity},
    }
    return {
        loss: {".".join(path): run.goes_on_the_same(*state) for path, state in states.items()}
        for loss, states in losses.items()
    }


if __name__ == "__main__":  # omissions.py FOLDER
    runs = {
        f"{optimizer}-{batches}": Run(Path(sys.argv[1]) / optimizer, optimizer=optimizer, batches=batches)
        for optimizer, batches in [("adamw", "windows"), ("muon", "streams")]
    }
    print(json.dumps({kind: unnoticed(run) for kind, run in runs.items()}))
