"""Make what the commands of course.py need, the environment in ``.venv`` and the data; skip what is there.

Standard library only: this runs before anything is installed.
"""

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENV = ROOT / ".venv"
ENV_PYTHON = ENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STATE = ENV / "course.json"  # what is installed
UNFINISHED = '{"digest": "unfinished"}'  # stands there while we install, and after an interruption

HINTS = {  # what pip or venv prints -> what to do about it
    "No space left on device": "The disk is full: free some space (about 2 GB; 8 GB with CUDA).",
    "ensurepip": "On Debian and Ubuntu: apt install python3-venv",
    "NewConnectionError": "No connection to the package index: check the network.",
    "Failed to establish a new connection": "No connection to the package index: check the network.",
    "name resolution": "No connection to the package index: check the network.",
    "getaddrinfo failed": "No connection to the package index: check the network.",
    "No matching distribution": "The package index has no such version for this Python and machine (or "
    "cannot be reached). For torch, ARLM_TORCH names another one: see python3 course.py --help",
}


class CourseError(Exception):
    """Something the user can act on; shown without a traceback."""


def say(text: str, end: str = "\n") -> None:
    """Print to stderr, so that stdout holds results only."""
    print(text, end=end, file=sys.stderr, flush=True)


def step(what: str, command: list[str], verbose: bool = False) -> None:
    """Run ``command`` behind one line, ``what ... seconds``; its output appears only if it fails."""
    start, lines, live = time.monotonic(), [], sys.stderr.isatty() and not verbose
    say(f"- {what} ...", end="\n" if verbose else "")
    pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "errors": "replace"}
    with subprocess.Popen(command, env=variables(), **pipe) as process:
        try:
            for line in process.stdout:
                lines.append(line)
                if verbose:
                    say("  " + line, end="")
                elif live:
                    say(f"\r\033[K- {what} ... {line.strip()[:50]}", end="")
        except KeyboardInterrupt:
            let_end(process)
            raise
    say(f"\r\033[K- {what} ..." if live else "", end="")
    if process.returncode:
        say(" failed")
        raise CourseError(explain(lines))
    say(f" {time.monotonic() - start:.1f} s")


def let_end(process: subprocess.Popen) -> None:
    """After Ctrl-C, which the command got too: let it tidy up, so that the next run does not meet it."""
    try:
        process.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()


def explain(lines: list[str]) -> str:
    """The end of a failed command's output, and a hint if the trouble is a known one."""
    text = "".join(lines)
    hint = next((hint for sign, hint in HINTS.items() if sign in text), "")
    return "".join(f"    {line}" for line in lines[-15:]) + (hint or "See the lines above.")


def variables() -> dict[str, str]:
    """The environment for child processes."""
    pip = {"PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    return {**os.environ, **pip, "PYTHONUTF8": "1", "JUPYTER_PREFER_ENV_PATH": "1"}


def become(command: list[str]) -> int:
    """Hand terminal, Ctrl-C and exit code over to ``command``."""
    if os.name == "posix":
        os.execve(command[0], command, variables())
    process = subprocess.Popen(command, env=variables())
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:  # the command got it too and decides
            continue


def set_up(verbose: bool) -> str:
    """Make what is missing; return the Python to use."""
    if os.environ.get("ARLM_ENV", "") == "current":
        python = sys.executable
        check_current()
    else:
        python = str(ENV_PYTHON)
        install(verbose)
    command = [python, "-m", "arlm_helpers.text.data", "fetch"]
    if subprocess.run(command, stdout=sys.stderr, env=variables()).returncode:
        raise CourseError("The data is not there yet; the same command tries again.")
    return python


def check_current() -> None:
    """See that the running Python has the packages of the course."""
    needed = ["arlm_helpers", "torch", "jupyterlab", "papermill", "nbval", "pytest", "xdist", "hypothesis"]
    code = f"import importlib.util as u; print(*[m for m in {needed} if u.find_spec(m) is None])"
    command = [sys.executable, "-P", "-c", code]  # -P: an installed package counts, a folder beside us not
    found = subprocess.run(command, capture_output=True, text=True)
    if found.returncode or found.stdout.split():
        raise CourseError(
            f"ARLM_ENV=current, but {sys.executable} lacks: {found.stdout.strip() or found.stderr}\n"
            'Install with: python -m pip install -c constraints.txt -e ".[lab,test]", or unset ARLM_ENV.'
        )


def install(verbose: bool) -> None:
    """Bring ``.venv`` to the state that pyproject.toml, constraints.txt and ARLM_TORCH describe."""
    state = read_state()
    choice = os.environ.get("ARLM_TORCH", state.get("torch", "")).strip()
    digest = fingerprint(choice)
    if state.get("digest") == digest and ENV_PYTHON.exists():
        return
    if not usable(state, choice):
        make_environment(verbose)
    STATE.write_text(UNFINISHED)
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    torch = shlex.split(choice) or [pinned_torch(pins)]
    limits = ENV / "constraints.txt"
    limits.write_text(without_torch(pins) if choice else pins, encoding="utf-8")
    pip = [str(ENV_PYTHON), "-m", "pip", "install"]
    step(f"installing {torch[0]} (the largest part: minutes the first time)", [*pip, *torch], verbose)
    extras = f"{ROOT}[lab,test]"
    step("installing the course and what it needs", [*pip, "-c", str(limits), "-e", extras], verbose)
    STATE.write_text(json.dumps({"digest": digest, "torch": choice}))


def read_state() -> dict[str, str]:
    """What ``install`` wrote when it last came to its end; empty if it never did."""
    try:
        return json.loads(STATE.read_text())
    except (OSError, ValueError):
        return {}


def fingerprint(choice: str) -> str:
    """A digest of everything the installed packages depend on."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    parts = [project["project"], (ROOT / "constraints.txt").read_text(encoding="utf-8"), choice, str(ROOT)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def pinned_torch(pins: str) -> str:
    """The line of constraints.txt that names torch."""
    return next(line.strip() for line in pins.splitlines() if line.startswith("torch=="))


def without_torch(pins: str) -> str:
    """constraints.txt without that line, for a torch of the user's choice."""
    return "".join(line for line in pins.splitlines(keepends=True) if not line.startswith("torch=="))


def usable(state: dict[str, str], choice: str) -> bool:
    """Whether pip may go on in the ``.venv`` that is there."""
    if state.get("digest") == "unfinished" or state.get("torch", choice) != choice or not ENV_PYTHON.exists():
        return False
    code = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
    return subprocess.run([ENV_PYTHON, "-c", code], capture_output=True).returncode == 0


def make_environment(verbose: bool) -> None:
    """Make ``.venv`` anew."""
    if Path(sys.prefix).resolve() == ENV.resolve():
        raise CourseError(".venv must be made anew, and this is its own Python: deactivate it and run again.")
    if ENV.exists() or ENV.is_symlink():
        say("- removing an unfinished or outdated .venv")
        ENV.unlink() if ENV.is_symlink() else shutil.rmtree(ENV)
    ENV.mkdir()
    STATE.write_text(UNFINISHED)
    version = ".".join(map(str, sys.version_info[:3]))
    step(f"making .venv with Python {version}", [sys.executable, "-m", "venv", str(ENV)], verbose)
