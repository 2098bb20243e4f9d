"""Classic sampler bugs, planted one at a time: the checks pass for the package and fail for every copy."""

import ast
import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from tests.decoding.sampler_checks import CHECKS

PACKAGE = "arlm_helpers.decoding"
MODULES = ["ranking", "logits", "penalties", "sampling", "presets"]  # in the order of their imports
MUTANTS = {  # name: (the definition, what stands there, what the bug puts in its place)
    # temperature
    "temperature multiplies": ("Temperature", "logits / min", "logits * min"),
    "a tiny temperature overflows": ("Temperature", "self.t >= 0.01", "self.t > 0"),
    "an infinite temperature makes NaN of -inf": ("Temperature", "min(self.t, 1e30)", "self.t"),
    "the input is overwritten": ("Temperature", "logits / min(self.t, 1e30)", "logits.div_(self.t)"),
    "the number type changes": ("Temperature", "logits / min", "logits.double() / min"),
    # top-k
    "top-k keeps one fewer": ("TopK", "self.k :]", "self.k - 1 :]"),
    "top-k keeps one more": ("TopK", "self.k :]", "self.k + 1 :]"),
    "top-k keeps ties": (
        "TopK", "masked_fill(drop,", "masked_fill(logits < logits.gather(-1, order[:, : self.k])[:, -1:],"
    ),
    "ties go to the higher id": (
        "TopK", "sort(dim=-1, descending=True, stable=True).indices", "argsort(dim=-1, stable=True).flip(-1)"
    ),
    "sorted along the batch": ("TopK", "dim=-1", "dim=0"),
    "the smallest are kept": ("TopK", "descending=True", "descending=False"),
    "the mask stays in the order of rank": (
        "TopK", "masked_fill(drop,", "masked_fill(torch.arange(logits.shape[-1]) >= self.k,"
    ),
    # top-p
    "the nucleus drops the token that crosses p": ("TopP", "cumsum(dim=-1) - probs", "cumsum(dim=-1)"),
    "the nucleus keeps one more at an exact sum": ("TopP", "mass_before >=", "mass_before >"),
    "cumulative sum before softmax": (
        "TopP", "probs.cumsum(dim=-1) - probs", "ranked.cumsum(dim=-1).softmax(dim=-1)"
    ),
    "softmax along the batch": ("TopP", "softmax(dim=-1)", "softmax(dim=0)"),
    "weights that do not sum to one": ("TopP", "softmax(dim=-1)", "exp()"),
    "the mask is lost at the boundary": ("TopP", "masked_fill(drop,", "masked_fill(mass_before >= self.p,"),
    "p = 1 empties the set": ("TopP", "return logits  # all", "return logits - torch.inf  # none"),
    # min-p and typical-p
    "min-p as an absolute threshold": ("MinP", "below_best.exp()", "logits.softmax(dim=-1)"),
    "min-p drops equality": ("MinP", "< self.p,", "<= self.p,"),
    "what is cut keeps a little": ("MinP", "-torch.inf)", "-1e4)"),
    "typical-p without the absolute value": ("TypicalP", ".abs()", ""),
    "typical-p with the sign of the entropy": ("TypicalP", "surprise - entropy", "surprise + entropy"),
    "typical-p drops the token that crosses p": ("TypicalP", "cumsum(dim=-1) - probs", "cumsum(dim=-1)"),
    # large vocabularies
    "the tournament's bound is too high": ("largest_ids", "[-k]", "[-(k + 1) // 2]"),
    "the tournament's k largest are one short": ("largest_ids", "[:k]", "[: k - 1]"),
    "candidates that do not reach the mass": ("leading", "if probs[few].sum() > mass:", "if len(few):"),
    "candidates in the order of ids": ("leading", "return probs[order], ids[order]", "return probs, ids"),
    "probabilities of the candidates alone": (
        "leading", "ids[few], probs[few]", "ids[few], probs[few] / probs[few].sum()"
    ),
    "the large nucleus drops the token that crosses p": ("nucleus_ids", "cumsum() - probs", "cumsum()"),
    "the large nucleus keeps one more at an exact sum": ("nucleus_ids", "before >= p", "before > p"),
    "large ties go to the higher id": ("by_rank", "+ np.arange(len(row))", "- np.arange(len(row))"),
    "negative numbers in the order of their bits": ("by_rank", "bits ^ 0x7FFFFFFF", "bits"),
    "minus zero is below zero": ("by_rank", "row + np.float32(0)", "row"),
    "NaN does not reach the bound": ("reaching", "~(row < least)", "row >= least"),
    "NaN is ranked last and cut": ("largest_ids", "np.isnan(few.sum())", "False"),
    "the first row's mask for every row": ("keep_only", "choose(row)", "choose(logits.numpy()[0])"),
    # penalties
    "repetition rewards negative logits": ("RepetitionPenalty", "own * self.penalty", "own / self.penalty"),
    "repetition multiplies": (
        "RepetitionPenalty",
        "own * self.penalty, own / self.penalty",
        "own / self.penalty, own * self.penalty",
    ),
    "repetition once per occurrence": (
        "RepetitionPenalty",
        "own / self.penalty",
        "own / self.penalty ** occurrences(ids, logits).gather(-1, ids)",
    ),
    "frequency counts a token once": ("FrequencyPenalty", "], logits)", "], logits).clamp(max=1)"),
    "frequency is added": ("FrequencyPenalty", "logits - self", "logits + self"),
    "frequency counts the prompt": ("FrequencyPenalty", "ids[:, self.start :]", "ids"),
    "frequency counts nothing but the prompt": ("FrequencyPenalty", "self.start :]", ": self.start]"),
    "presence once per occurrence": ("PresencePenalty", ".clamp(max=1)", ""),
    "presence counts the prompt": ("PresencePenalty", "ids[:, self.start :]", "ids"),
    "all rows share one count": ("occurrences", "return counts", "return counts.sum(0, keepdim=True)"),
    "n-grams one too long": ("NoRepeatNGram", "(1, self.n, 1)", "(1, min(self.n + 1, n_read), 1)"),
    "n-grams one too short": (
        "NoRepeatNGram", "n_grams[..., :-1] == beginning", "n_grams[..., 1:-1] == beginning[..., 1:]"
    ),
    "only the last occurrence of an n-gram counts": (
        "NoRepeatNGram", "scatter_add(-1, n_grams", "scatter(-1, n_grams"
    ),
    "a bias on every token": ("LogitBias", "logits + added", "logits + added.sum()"),
    "an infinite bias is one among others": ("LogitBias", "if added.isposinf().any():", "if False:"),
    # drawing
    "a dart on an edge belongs to the left": ("sample", "edges <= dart", "edges < dart"),
    "a dart on an edge belongs to the left, large": ("sample_large", '"right"', '"left"'),
    "ranks are taken for ids": ("sample", "order.gather(-1,", "order.sort().values.gather(-1,"),
    "tokens are laid out the least likely first": ("sample", "descending=True", "descending=False"),
    "one dart for all rows": ("sample", "u.double()", "u.double()[:1]"),
    "greedy takes the last of equals": ("greedy", ".int()", ".int().cumsum(dim=-1)"),
    "NaN is drawn from": ("check_distribution", "all(map(math.isfinite, best))", "-math.inf not in best"),
    # writing
    "the seed is shared between rows": ("row_generators", "manual_seed(seed)", "manual_seed(seeds[0])"),
    "the seed is ignored": ("row_generators", "torch.randint(2**62, (), generator=rng)", "torch.tensor(_)"),
    "luck depends on the number of rows": ("row_generators", "in seeds]", "in reversed(seeds)]"),
    "the policy is left out": ("generate", "choose(final, sources)", "choose(logits, sources)"),
    "the policy runs backwards": ("generate", "in processors:", "in reversed(processors):"),
    "processors see the prompt only": ("generate", "process(ids, final)", "process(ids[:, :2], final)"),
    # orders
    "temperature after top-p where it belongs before": (
        "ORDERS", "Temperature, TopK, TopP, MinP, TypicalP,", "TopK, TopP, MinP, TypicalP, Temperature,"
    ),
    "temperature before top-k where it belongs last": (
        "ORDERS", "TopK, TypicalP, TopP, MinP, Temperature,", "Temperature, TopK, TypicalP, TopP, MinP,"
    ),
    "min-p last where it belongs first": (
        "ORDERS", "Temperature, MinP, TypicalP, TopK, TopP,", "Temperature, TypicalP, TopK, TopP, MinP,"
    ),
    "orders are reversed": ("arrange", "kinds.index(type(one))", "-kinds.index(type(one))"),
}  # fmt: skip


def sources():
    """The text of each module."""
    paths = {name: importlib.util.find_spec(f"{PACKAGE}.{name}").origin for name in MODULES}
    return {name: Path(path).read_text(encoding="utf-8") for name, path in paths.items()}


def names_of(node):
    """What a statement of a module defines."""
    target = getattr(node, "target", None)
    return {getattr(node, "name", None), getattr(target, "id", None)} - {None}


def planted(definition, old, new):
    """The sources, with ``new`` for the only ``old`` in one definition."""
    texts = sources()
    [(module, node)] = [
        (module, node)
        for module, text in texts.items()
        for node in ast.parse(text).body
        if definition in names_of(node)
    ]
    healthy = ast.get_source_segment(texts[module], node)
    assert healthy.count(old) == 1, f"{definition} has changed: its mutant needs another place"
    texts[module] = texts[module].replace(healthy, healthy.replace(old, new))
    return texts


def loaded(texts, monkeypatch):
    """All names of modules made from ``texts``, which import each other and not the package."""
    names = {}
    for name, text in texts.items():
        module = ModuleType(f"{PACKAGE}.{name}")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        exec(compile(text, f"copy of {name}", "exec"), module.__dict__)
        names |= vars(module)
    return SimpleNamespace(**names)


def fails(check, samplers):
    """Whether the check notices: an assertion fails, or the broken copy breaks down."""
    try:
        check(samplers)
    except (Exception, pytest.fail.Exception):
        return True
    return False


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_package_passes(check):
    modules = [importlib.import_module(f"{PACKAGE}.{name}") for name in MODULES]
    check(SimpleNamespace(**{name: value for module in modules for name, value in vars(module).items()}))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_an_unchanged_copy_passes(check, monkeypatch):
    check(loaded(sources(), monkeypatch))


@pytest.mark.parametrize("name", MUTANTS)
def test_every_mutant_is_caught(name, monkeypatch):
    samplers = loaded(planted(*MUTANTS[name]), monkeypatch)
    assert any(fails(check, samplers) for check in CHECKS)
