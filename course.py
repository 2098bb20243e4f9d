"""Set up and use the course: ``python3 course.py lab | test | run | bench | clean``.

Needs Python 3.11 or later, on Linux, macOS or Windows, and nothing else: each command first makes what it
needs (an environment in ``.venv``, the data in ``data/cache``) and skips what is already there.
"""

import argparse
import json
import os
import shutil
import sys
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - an older Python gets a sentence, not a traceback
    sys.exit(f"The course needs Python 3.11 or later; this is Python {sys.version.split()[0]}.")

from tools.set_up import ENV, ENV_PYTHON, ROOT, CourseError, become, say, set_up

EPILOG = """\
commands (what stands after the command is passed on):
  lab     open JupyterLab on the first notebook     lab --no-browser --port 9999
  test    run every test and every notebook         test -k bpe
  run     execute notebooks into build/, with HTML  run 02_ngrams -p scale gpu
  bench   print the tables of benchmarks/           bench scoreboard --quick
  clean   remove build/ and caches                  clean --all   (.venv and data/cache too)

environment variables:
  ARLM_TORCH  what pip installs as torch instead of the pin in constraints.txt; .venv remembers it
                CPU only:       ARLM_TORCH="torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu"
                another CUDA:   the same with the index that https://pytorch.org names for it
                back again:     ARLM_TORCH=""
  ARLM_ENV    "current": use the Python that runs this script (conda, see environment.yml), not .venv
  ARLM_SLOW   factor on the 90 seconds of processor time that a notebook may use under test, such as 3
"""


def lab(rest: list[str], verbose: bool) -> int:
    """Open JupyterLab on the first notebook."""
    if hasattr(os, "geteuid") and os.geteuid() == 0 and "--allow-root" not in rest:
        raise CourseError(
            "JupyterLab does not start for the administrator (root).\n"
            "Run as an ordinary user, or, in a container: python3 course.py lab --allow-root"
        )
    python = set_up(verbose)
    if python == str(ENV_PYTHON):
        no_news()
    first = next(iter(sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))), None)
    page = f"/lab/tree/notebooks/{first.name}" if first else "/lab"
    say("- JupyterLab starts; Ctrl-C twice ends it")
    options = [f"--ServerApp.root_dir={ROOT}", f"--LabApp.default_url={page}"]
    return become([python, "-m", "jupyterlab", *options, *rest])


def no_news() -> None:
    """Switch off JupyterLab's news pop-up and update check, which need the network."""
    quiet = {"fetchNews": "false", "checkForUpdates": False}
    settings = ENV / "share" / "jupyter" / "lab" / "settings"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "overrides.json").write_text(
        json.dumps({"@jupyterlab/apputils-extension:notification": quiet})
    )


def test(rest: list[str], verbose: bool) -> int:
    """Run every test and every notebook, two files at a time."""
    python = set_up(verbose)
    return become([python, "-m", "pytest", "-n", "2", "--durations=8", "--durations-min=1", *rest])


def run(rest: list[str], verbose: bool) -> int:
    """Execute the series, or the notebooks named, into ``build``."""
    return become([set_up(verbose), "-m", "tools.execute_notebooks", *rest])


def bench(rest: list[str], verbose: bool) -> int:
    """Run the benchmarks, all or those named."""
    return become([set_up(verbose), "-m", "benchmarks", *rest])


def clean(rest: list[str], verbose: bool) -> int:
    """Remove what the commands made; with ``--all`` also the environment and the data."""
    if set(rest) - {"--all"}:
        raise CourseError(f"clean knows --all only, got {' '.join(rest)}")
    paths = [ROOT / "build", *ROOT.glob("*.egg-info"), *ROOT.glob(".*_cache"), ROOT / ".hypothesis"]
    for folder in ("arlm_helpers", "benchmarks", "notebooks", "tests", "tools", ""):
        pattern = "**/" if folder else ""
        for name in ("__pycache__", ".ipynb_checkpoints"):
            paths += (ROOT / folder).glob(pattern + name)
    if "--all" in rest:
        paths += [ENV, ROOT / "data" / "cache"]
    for path in filter(Path.exists, paths):
        say(f"- removing {path.relative_to(ROOT)}")
        path.unlink() if path.is_symlink() else shutil.rmtree(path)
    return 0


COMMANDS = {"lab": lab, "test": test, "run": run, "bench": bench, "clean": clean}


def main(arguments: list[str]) -> int:
    """Run one command; a failure becomes a sentence and an exit code."""
    parser = argparse.ArgumentParser(
        "course.py",
        description="Set up and use the course.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--verbose", action="store_true", help="show the output of every step")
    parser.add_argument("command", choices=COMMANDS, metavar="{" + ",".join(COMMANDS) + "}")
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.rest in (["-h"], ["--help"]):
        parser.parse_args(["--help"])
    sys.stderr.reconfigure(errors="replace")
    try:
        os.chdir(ROOT)
        return COMMANDS[options.command](options.rest, options.verbose)
    except KeyboardInterrupt:
        say("\nStopped. The same command goes on from here.")
        return 130
    except CourseError as error:
        say(str(error))
        return 1
    except OSError as error:
        say(f"\nCannot go on: {error}\nThe same command repairs what is half done.")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
