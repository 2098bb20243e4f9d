"""For tests and notebooks alike: no network, one thread per process, and the seconds of each notebook.

``tests/conftest.py`` has what concerns the tests alone.
"""

import os
import runpy
import time
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent
OFFLINE = ROOT / "tests" / "offline"
NOTEBOOK_SECONDS = 90 * float(os.environ.get("ARLM_SLOW") or 1)

os.environ["ARLM_STRICT"] = "1"  # a failed check of an exercise raises
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

# Kernels and other child processes find sitecustomize there; this process takes it now.
if str(OFFLINE) not in os.environ.get("PYTHONPATH", "").split(os.pathsep):
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(OFFLINE), os.environ.get("PYTHONPATH")]))
    runpy.run_path(str(OFFLINE / "sitecustomize.py"))

started: dict[Path, float] = {}
too_slow: set[Path] = set()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    """Fail the cell during which a notebook passes its limit; the wall time includes the kernel's start."""
    report = yield
    if item.path.suffix == ".ipynb":
        if report.when == "teardown":
            seconds = time.time() - started[item.path]
            if seconds > NOTEBOOK_SECONDS and item.path not in too_slow:
                too_slow.add(item.path)
                report.outcome = "failed"
                limit = f"at most {NOTEBOOK_SECONDS:.0f} s are allowed"
                report.longrepr = (
                    f"{item.path.name} has taken {seconds:.0f} s up to this cell, {limit}; "
                    "make it smaller, or set ARLM_SLOW to a factor on a slow machine"
                )
        else:
            started.setdefault(item.path, report.start)
    return report


def pytest_terminal_summary(terminalreporter):
    """Print the wall seconds of each notebook, from the first cell's start to the last one's end."""
    times = defaultdict(list)
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "nodeid", "").partition("::")[0].endswith(".ipynb") and hasattr(
                report, "stop"
            ):
                times[report.nodeid.partition("::")[0]] += [report.start, report.stop]
    if times:
        terminalreporter.section("seconds per notebook")
    for path, moments in sorted(times.items()):
        terminalreporter.write_line(f"{max(moments) - min(moments):7.1f} s  {path}")
