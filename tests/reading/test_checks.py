"""Every check of every notebook, tried on recorded answers: two right and three wrong ones at least."""

import importlib
import importlib.util
import math
from pathlib import Path

import pytest

import arlm_helpers.reading.checks as checks_package
from arlm_helpers.reading.checks import REGISTRY, Verdict, check

ANSWERS_FOLDER = Path(__file__).parent / "answers"
MODULES = sorted(
    path.stem
    for path in Path(checks_package.__file__).parent.glob("*.py")
    if path.stem not in {"__init__", "core", "stubs"}
)


def recorded_answers(module):
    path = ANSWERS_FOLDER / f"{module}.py"
    if not path.exists():
        return {}
    spec = importlib.util.spec_from_file_location(f"answers_{module}", path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded.ANSWERS


for module_name in MODULES:
    importlib.import_module(f"arlm_helpers.reading.checks.{module_name}")
ANSWERS = {f"{m}.{name}": table for m in MODULES for name, table in recorded_answers(m).items()}
CHECKS = sorted(name for name in REGISTRY if name.partition(".")[0] in MODULES)
RIGHT = [
    pytest.param(name, answer, id=f"{name}-right{i}")
    for name, table in ANSWERS.items()
    for i, answer in enumerate(table["right"])
]
WRONG = [
    pytest.param(name, answer, fragment, id=f"{name}-wrong{i}")
    for name, table in ANSWERS.items()
    for i, (answer, fragment) in enumerate(table["wrong"])
]


def unfinished(*_):
    raise NotImplementedError


@pytest.mark.parametrize("name", CHECKS)
def test_every_check_has_two_right_and_three_wrong_answers(name):
    table = ANSWERS.get(name, {"right": [], "wrong": []})
    assert len(table["right"]) >= 2 and len(table["wrong"]) >= 3, f"add answers for {name}"


def test_every_recorded_answer_belongs_to_a_check():
    assert set(ANSWERS) <= set(CHECKS)


@pytest.mark.parametrize("name, answer", RIGHT)
def test_right_answers_are_accepted(name, answer):
    assert REGISTRY[name](answer) == Verdict(True)


@pytest.mark.parametrize("name, answer, fragment", WRONG)
def test_wrong_answers_get_the_hint_for_their_symptom(name, answer, fragment):
    verdict = REGISTRY[name](answer)
    assert verdict.passed is False and fragment in verdict.message, verdict


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize(
    "stub", [None, ..., lambda *_: None, lambda *_: ...], ids=["None", "...", "f=None", "f=..."]
)
def test_an_untouched_exercise_is_not_solved_yet_and_does_not_raise(name, stub):
    assert repr(REGISTRY[name](stub)) == "○ not solved yet"


# The mechanism itself, on checks made here.


@pytest.fixture
def surprisal():
    def judge(answer):
        if answer(0.5) < 0:
            return "is a minus sign missing?"
        return None if answer(0.25) == 2 else f"p = 0.25 should give 2 bits, yours gives {answer(0.25)}"

    before = dict(REGISTRY)
    yield check(judge)
    REGISTRY.clear()
    REGISTRY.update(before)


def test_the_three_verdicts_can_be_told_apart_at_a_glance(surprisal):
    assert repr(surprisal(lambda p: -math.log2(p))) == "✓ solved"
    assert repr(surprisal(math.log2)) == "✗ not yet. Hint: is a minus sign missing?"
    assert repr(surprisal(...)) == "○ not solved yet"


def test_a_function_that_raises_not_implemented_is_not_solved_yet(surprisal):
    assert surprisal(unfinished).passed is None


def test_a_stub_with_a_docstring_is_not_solved_yet(surprisal):
    def stub(p):
        """Return the surprisal of p, in bits."""

    assert surprisal(stub).passed is None


def test_a_half_written_function_that_returns_dots_is_not_solved_yet(surprisal):
    def half(p):
        return ... if p < 1 else 0

    assert surprisal(half).passed is None


def test_an_exception_names_itself_and_the_input(surprisal):
    assert "your function(0.5) raises ZeroDivisionError" in surprisal(lambda p: p / 0).message


def test_a_forgotten_return_is_named(surprisal):
    def forgot(p):
        surprise = -math.log2(p)  # noqa: F841

    assert (
        surprisal(forgot).message == "forgot(0.5) returns None, which cannot be used; is a `return` missing?"
    )


def test_an_answer_of_the_wrong_kind_gets_a_hint(surprisal):
    assert "0.5 cannot be checked" in surprisal(0.5).message


@pytest.mark.parametrize("answer", [10**5000, lambda p: 10**5000], ids=["value", "function"])
def test_a_number_too_long_to_be_written_gets_a_hint(surprisal, answer):
    assert "a value of type int" in surprisal(answer).message


@pytest.mark.parametrize("answer", [lambda p: Huge(), lambda p: float("9x" * 50_000)], ids=["hint", "error"])
def test_a_hint_that_repeats_a_huge_answer_is_cut_short(surprisal, answer):
    assert len(surprisal(answer).message) < 1000


class Huge(float):
    """A number that takes a page to write."""

    def __format__(self, _form):
        return "9" * 100_000


@pytest.mark.parametrize("answer", [(1, ...), [...], {"a": ...}])
def test_dots_inside_a_container_are_not_solved_yet(surprisal, answer):
    assert surprisal(answer).passed is None


def test_a_class_with_a_stub_method_is_not_solved_yet(surprisal):
    class Stub:
        def encode(self, text): ...

    assert surprisal(Stub).passed is None


def test_a_solution_that_is_not_accepted_stops_the_notebook(surprisal):
    with pytest.raises(AssertionError, match="minus sign"):
        surprisal(math.log2).must_pass()
    assert surprisal(lambda p: -math.log2(p)).must_pass()
