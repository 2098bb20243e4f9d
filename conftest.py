"""For tests and notebooks alike: no network, one thread per process, and the seconds of each notebook.

``tests/conftest.py`` has what concerns the tests alone.
"""

import os
import runpy
from collections import defaultdict
from pathlib import Path

import psutil
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

too_slow: set[Path] = set()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the notebooks that need a data set which is optional and not here."""
    from tools.missing_data import missing_data  # not before tests/conftest.py has hooked the package

    reasons = {path: missing_data(path) for path in {item.path for item in items} if path.suffix == ".ipynb"}
    for item in items:
        if reason := reasons.get(item.path):
            item.add_marker(pytest.mark.skip(reason=reason))


def cpu_seconds(item: pytest.Item) -> float:
    """Processor time that the kernel of a notebook has used; 0 if it is gone."""
    try:
        times = psutil.Process(item.parent.kernel.km.provisioner.pid).cpu_times()
    except (psutil.Error, AttributeError):
        return 0.0
    return times.user + times.system


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    """Fail the cell during which a notebook passes its limit.

    The limit is one of processor time, with one thread about the wall time of a machine that is not busy:
    what else runs on the machine must not decide. A notebook that waits is stopped by the limit per cell.
    """
    report = yield
    if item.path.suffix == ".ipynb" and report.when == "call":
        report.cpu_seconds = cpu_seconds(item)
        if report.cpu_seconds > NOTEBOOK_SECONDS and item.path not in too_slow:
            too_slow.add(item.path)
            report.outcome = "failed"
            report.longrepr = (
                f"{item.path.name} has used {report.cpu_seconds:.0f} s of processor time up to this cell; "
                f"{NOTEBOOK_SECONDS:.0f} s are allowed. Make it smaller, or set ARLM_SLOW on a slow machine"
            )
    return report


def pytest_terminal_summary(terminalreporter):
    """Print one line per notebook: wall seconds from its first cell to its last, and processor seconds.

    For one that was skipped: why.
    """
    moments, used, skipped = defaultdict(list), defaultdict(float), {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            path = getattr(report, "nodeid", "").partition("::")[0]
            if path.endswith(".ipynb") and hasattr(report, "stop"):
                if report.skipped and report.when == "setup":
                    skipped[path] = report.longrepr[2]
                moments[path] += [report.start, report.stop]
                used[path] = max(used[path], getattr(report, "cpu_seconds", 0.0))
    if moments:
        terminalreporter.section("seconds per notebook")
    for path, times in sorted(moments.items()):
        wall = max(times) - min(times)
        line = f"{wall:7.1f} s wall {used[path]:7.1f} s CPU  {path}"
        terminalreporter.write_line(f"{path}: {skipped[path]}" if path in skipped else line)
