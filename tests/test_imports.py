"""The shape of the package: which row imports which, what loading it costs, and what it never does."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "arlm_helpers"
MODULES = sorted(PACKAGE.rglob("*.py"))
ROWS = ["text", "models", "training", "decoding"]
MAY_IMPORT = {row: set(ROWS[: i + 1]) for i, row in enumerate(ROWS)} | {"reading": {"reading"}}
FORBIDDEN_IMPORTS = {"pickle", "marshal", "shelve", "dill", "joblib"}
FORBIDDEN_CALLS = {"eval", "exec", "torch.load", "os.system"}

each_module = pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())


def imported(path):
    """Dotted names of all that the module imports, wherever the import stands."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            module = ".".join([*base, node.module or ""]).rstrip(".")
            yield from (f"{module}.{alias.name}" for alias in node.names)


@each_module
def test_rows_import_only_downwards(path):
    row = path.relative_to(PACKAGE).parts[0]
    used = {name.split(".")[1] for name in imported(path) if name.startswith("arlm_helpers.")}
    assert used <= MAY_IMPORT.get(row, set())


@each_module
def test_a_file_holds_one_concept_of_at_most_250_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 250


@each_module
def test_nothing_is_unpickled_or_evaluated(path):
    assert not {name.split(".")[0] for name in imported(path)} & FORBIDDEN_IMPORTS
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not calls & FORBIDDEN_CALLS


@each_module
def test_every_public_name_has_a_docstring(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    public = [node for node in tree.body if isinstance(node, kinds) and not node.name.startswith("_")]
    assert [node.name for node in public if not ast.get_docstring(node)] == []
    assert ast.get_docstring(tree)


@pytest.mark.parametrize("heavy", ["torch", "plotly", "ipywidgets"])
def test_the_package_itself_loads_nothing_heavy(heavy):
    code = f"import sys, arlm_helpers; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_importing_the_package_takes_less_than_a_fifth_of_a_second():
    code = "import time; t = time.process_time(); import arlm_helpers; print(time.process_time() - t)"
    runs = [
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
        for _ in range(3)
    ]
    assert min(float(run.stdout) for run in runs) < 0.2


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]], ids=" ".join)
def test_code_and_notebooks_are_clean_for_ruff(command):
    done = subprocess.run([sys.executable, "-m", "ruff", *command, str(ROOT)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
