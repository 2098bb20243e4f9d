"""environment.yml, pyproject.toml, constraints.txt and the hosted workflow describe one environment."""

import importlib.metadata
import os
import re
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name as canonical

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
DIRECT = [Requirement(line) for line in sum(EXTRAS.values(), PROJECT["dependencies"])]
LINES = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
PIN_LINES = [line for line in LINES if line and not line.startswith("#")]
PINS = {canonical(name): version for name, _, version in (line.partition("==") for line in PIN_LINES)}
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
BUILD_OF_TORCH = re.compile(r"nvidia-|cuda-|triton|setuptools")  # comes with torch, differs by machine


@pytest.mark.parametrize("requirement", DIRECT, ids=lambda requirement: requirement.name)
def test_every_direct_dependency_is_pinned_within_its_range(requirement):
    assert requirement.specifier.contains(PINS[canonical(requirement.name)])


def test_constraints_are_exact_and_named_once():
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in PIN_LINES)
    assert len(PINS) == len(PIN_LINES)


def test_torch_is_the_release_the_course_is_made_with():
    assert PINS["torch"] == "2.13.0"
    assert not any(BUILD_OF_TORCH.match(name) for name in PINS)


def test_everything_that_the_course_pulls_in_is_pinned():
    assert sorted(closure(["arlm-helpers[lab,test]"]) - set(PINS) - {"arlm-helpers"}) == []


def closure(lines):
    """Names of all installed distributions that the requirements ``lines`` reach on this machine."""
    seen, todo = set(), [Requirement(line) for line in lines]
    while todo:
        requirement = todo.pop()
        name, extras = canonical(requirement.name), ["", *sorted(requirement.extras)]
        if BUILD_OF_TORCH.match(name) or (name, *extras) in seen:
            continue
        seen.add((name, *extras))
        asked = [Requirement(line) for line in importlib.metadata.requires(requirement.name) or []]
        todo += [r for r in asked if not r.marker or any(r.marker.evaluate({"extra": e}) for e in extras)]
    return {name for name, *_extras in seen}


def conda_requirements():
    """The conda section as {name: specifier}; conda calls torch pytorch and writes ``=`` for ``==``."""
    specs = [line for line in CONDA["dependencies"] if isinstance(line, str)]
    found = {}
    for spec in specs:
        name, version = re.fullmatch(r"([\w-]+)\s*(.*)", spec).groups()
        found["torch" if name == "pytorch" else name] = re.sub(r"^=(?!=)", "==", version)
    return found


def test_conda_gives_the_same_torch_and_a_python_the_package_accepts():
    conda = conda_requirements()
    assert conda["torch"] == f"=={PINS['torch']}"
    for minor in range(8, 20):
        version = f"3.{minor}.0"
        if SpecifierSet(conda["python"]).contains(version):
            assert SpecifierSet(PROJECT["requires-python"]).contains(version)
    assert set(conda) == {"python", "pip", "torch"}, "all else comes from pip, with the pins"


def test_conda_leaves_all_else_to_pip_with_the_same_extras_and_pins():
    (pip,) = [line["pip"] for line in CONDA["dependencies"] if isinstance(line, dict)]
    assert pip == ["-c constraints.txt", "-e .[lab,test]"]


def test_the_hosted_workflow_runs_the_test_command_on_supported_pythons():
    text = (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
    job = yaml.safe_load(text)["jobs"]["test"]
    for version in job["strategy"]["matrix"]["python"]:
        assert SpecifierSet(PROJECT["requires-python"]).contains(version)
    assert any(step.get("run") == "python course.py test" for step in job["steps"])


def test_ci_calls_the_test_command_last():
    script = ROOT / ".ci" / "run"
    assert script.read_text(encoding="utf-8").rstrip().endswith("exec python3 course.py test")
    assert os.name == "nt" or os.access(script, os.X_OK)


CONNECT = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=1)"
LOOK_UP = "import socket; socket.getaddrinfo('example.org', 80)"


@pytest.mark.parametrize("code", [CONNECT, LOOK_UP])
def test_the_network_is_closed_in_tests_and_in_the_processes_they_start(code):
    with pytest.raises(OSError, match="no network under test"):
        exec(code)
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "no network under test" in child.stderr


def test_this_machine_stays_reachable():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()
