"""Run the benchmarks, all or those named: ``python -m benchmarks [scoreboard ...] [--quick] [--json]``."""

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def names() -> list[str]:
    """The modules of this folder that can be run."""
    paths = [path for path in sorted(FOLDER.glob("*.py")) if not path.name.startswith("_")]
    return [path.stem for path in paths if 'if __name__ == "__main__"' in path.read_text(encoding="utf-8")]


def main(arguments: list[str]) -> int:
    """Run each in a process of its own; options go to all of them. Exit code 1 if one failed."""
    n_names = next((i for i, word in enumerate(arguments) if word.startswith("-")), len(arguments))
    chosen, options = arguments[:n_names] or names(), arguments[n_names:]
    if unknown := set(chosen) - set(names()):
        print(f"no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(names())}", file=sys.stderr)
        return 2
    failed = []
    for name in chosen:
        print(f"- {name}", file=sys.stderr, flush=True)
        command = [sys.executable, "-m", f"benchmarks.{name}", *options]
        if subprocess.run(command, cwd=FOLDER.parent).returncode:
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
