"""Execute notebooks into build/ and make HTML pages of them: ``python3 course.py run [names] [options]``.

Names such as ``02_ngrams`` choose notebooks; options, such as ``-p scale gpu``, go to papermill. A notebook
that needs an optional data set is left out, with a line, where that was not fetched.
"""

import subprocess
import sys
import time
from pathlib import Path

from tools.html_pages import write_pages
from tools.missing_data import missing_data

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"


def select(paths: list[Path], arguments: list[str]) -> tuple[list[Path], list[str]]:
    """Split leading names from the options; without names, all paths.

    Raises:
        ValueError: if a name is none of the notebooks.
    """
    named = {path.stem: path for path in paths}
    n_names = next((i for i, word in enumerate(arguments) if word.startswith("-")), len(arguments))
    for word in arguments[:n_names]:
        if Path(word).stem not in named:
            raise ValueError(f"there is no notebook {word}; there are: {', '.join(named) or 'none yet'}")
    return [named[Path(word).stem] for word in arguments[:n_names]] or paths, arguments[n_names:]


def execute(path: Path, options: list[str]) -> bool:
    """Run one notebook; print its name and seconds, and the end of the trouble if there is any."""
    start = time.monotonic()
    quiet = ["--cwd", str(path.parent), "--no-progress-bar", "--log-level", "ERROR"]
    command = [sys.executable, "-m", "papermill", str(path), str(BUILD / path.name), *quiet, *options]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", errors="replace")
    verdict = "FAILED" if done.returncode else "ok"
    print(f"{path.stem:24} {time.monotonic() - start:6.1f} s  {verdict}", flush=True)
    if done.returncode:
        print("".join(f"    {line}\n" for line in done.stderr.splitlines()[-15:]), end="", flush=True)
    return done.returncode == 0


def main(arguments: list[str]) -> int:
    """Execute and convert; the exit code is 1 if a notebook failed, 2 for a wrong name."""
    try:
        paths, options = select(sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")), arguments)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    BUILD.mkdir(exist_ok=True)
    passed = []
    for path in paths:
        if reason := missing_data(path):
            print(f"{path.stem:24} skipped: it {reason}", flush=True)
        else:
            passed.append(execute(path, options))
    if not paths:
        print("there are no notebooks yet")
        return 0
    print(f"pages: {write_pages(BUILD)}")
    skipped = f", {len(paths) - len(passed)} skipped" if len(passed) < len(paths) else ""
    print(f"{sum(passed)} of {len(passed)} notebooks ran through{skipped}")
    return 0 if all(passed) else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
