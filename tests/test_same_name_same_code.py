"""The promises of the course about its code. Sources are parsed, never executed.

A notebook and the package may differ in comments, layout, quotes and docstrings, nothing else.
"""

import ast
import difflib
from pathlib import Path

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))  # sorted by number: the order of reading
TAUGHT = {  # modules whose public names are lessons
    "decoding.adaptation", "decoding.answer_scores", "decoding.beam", "decoding.compression",
    "decoding.evaluation", "decoding.fast", "decoding.keystrokes", "decoding.label_scores",
    "decoding.latent", "decoding.logits", "decoding.memorisation", "decoding.mixing", "decoding.penalties",
    "decoding.presets", "decoding.prompting", "decoding.rhymes", "decoding.sampling",
    "decoding.speculative", "decoding.unmasking",
    "models.attention", "models.autoencoder", "models.blocks", "models.both_ways", "models.cache",
    "models.causality", "models.cells", "models.counts", "models.embedding", "models.gpt_config",
    "models.hashed_ngrams", "models.loading", "models.lora", "models.masked", "models.mlp", "models.ngram",
    "models.oracle", "models.positions", "models.quantised", "models.recent", "models.rnn",
    "models.seq2seq", "models.smoothing", "models.text_autoencoder", "models.text_vae",
    "models.transformer",
    "text.bpe", "text.streaming", "text.tokenizers", "text.toy_language",
    "training.answers", "training.batches", "training.config", "training.elbo", "training.kl_schedules",
    "training.losses", "training.lr_finder", "training.masking", "training.muon", "training.noise",
    "training.optimizers", "training.schedules", "training.trainer",
}  # fmt: skip
LATER = {}  # module -> the notebook that will teach it, and does not exist yet
AHEAD = {  # what a notebook uses before the one that teaches it: its text says where that will be
    "04_rnn": dict.fromkeys(
        ["training.config", "training.optimizers", "training.schedules", "training.trainer"], "07_training"
    ),
    "05_attention": dict.fromkeys(["training.optimizers", "training.schedules"], "07_training"),
    "06_transformer": {
        "models.hashed_ngrams": "07_training",
        "models.loading": "12_real_llm",
        **dict.fromkeys(
            ["training.config", "training.optimizers", "training.schedules", "training.trainer"],
            "07_training",
        ),
    },
    "07_training": {"decoding.logits": "08_decoding"},
}
PREVIEW = {"00_start_here"}  # shows what is to come, so it may import what is not taught yet
DEFINITIONS = (ast.FunctionDef, ast.ClassDef)


def definitions(tree):
    """Functions, classes and Capitalised names (aliases, constants) of a syntax tree, as text."""
    for node in ast.walk(tree):
        if isinstance(node, DEFINITIONS) and ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]
    named = {node.name: ast.unparse(node) for node in tree.body if isinstance(node, DEFINITIONS)}
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if (
            isinstance(node, (ast.Assign, ast.AnnAssign))
            and isinstance(target, ast.Name)
            and target.id[0].isupper()
        ):
            named[target.id] = ast.unparse(node)
    return named


def code_cells(notebook):
    """Position and syntax tree of every code cell; IPython magics become plain Python."""
    for position, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            yield position, ast.parse(TransformerManager().transform_cell(cell.source))


def shown_in(notebook):
    """(position of the cell, name, code) of every definition in a notebook."""
    return [(at, name, code) for at, tree in code_cells(notebook) for name, code in definitions(tree).items()]


def imported_in(notebook):
    """(module, name) of everything a notebook imports from the package by name."""
    return {
        (node.module.removeprefix("arlm_helpers").lstrip("."), alias.name)
        for _, tree in code_cells(notebook)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "arlm_helpers"
        for alias in node.names
    }


def whole_modules_in(notebook):
    """Taught modules that a notebook imports whole, so that one cannot see which names it uses."""
    plain = {
        alias.name.removeprefix("arlm_helpers.")
        for _, tree in code_cells(notebook)
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    return sorted(TAUGHT & (plain | {f"{module}.{name}" for module, name in imported_in(notebook)}))


def package_modules():
    """Public definitions of each module: {"models.ngram": {"NGram": code}}."""
    modules = {}
    for path in sorted((ROOT / "arlm_helpers").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT / "arlm_helpers").with_suffix("").parts)
        found = definitions(ast.parse(path.read_text(encoding="utf-8")))
        modules[name] = {key: code for key, code in found.items() if not key.startswith("_")}
    return modules


def lessons_of(modules, later=LATER):
    """{name: code} of what the course teaches in notebooks that exist."""
    return {
        name: code
        for m in sorted(TAUGHT & set(modules))
        if m not in later
        for name, code in modules[m].items()
    }


# Each rule is a function that returns complaints, so that it can be tried on planted faults.


def differing(notebook, package):
    """Definitions that have a name of the package and other code."""
    complaints = []
    for at, name, code in shown_in(notebook):
        if code != package.get(name, code):
            diff = difflib.unified_diff(
                package[name].splitlines(), code.splitlines(), "package", "notebook", lineterm=""
            )
            head = f"cell {at}: make {name} the same, or give the variant its own name"
            complaints.append("\n".join([head, *diff]))
    return complaints


def miscounted(notebooks, lessons):
    """Lessons that are not written out in exactly one notebook."""
    where = {name: [] for name in lessons}
    for stem, notebook in notebooks.items():
        for at, name, _ in shown_in(notebook):
            if name in where:
                where[name].append(f"{stem} cell {at}")
    return [
        f"{name} should be written out in one notebook, found {places}"
        for name, places in where.items()
        if len(places) != 1
    ]


def premature(notebooks, modules, later=LATER, ahead=AHEAD):
    """Lessons that a notebook imports before a notebook has taught them, and before it may."""
    taught, complaints = set(), []
    for stem, notebook in sorted(notebooks.items()):
        taught |= {name for _, name, _ in shown_in(notebook)}
        complaints += [f"{stem} imports {m} whole; import its names" for m in whole_modules_in(notebook)]
        if stem in PREVIEW:
            continue
        for module, name in sorted(imported_in(notebook)):
            if (
                module in TAUGHT
                and module not in later
                and module not in ahead.get(stem, {})
                and name in modules.get(module, {})
                and name not in taught
            ):
                complaints.append(f"{stem} imports {name} of {module} before it is taught")
    return complaints


def unannounced(notebooks, ahead=AHEAD):
    """Modules that a notebook may use ahead and does not use, or does not say where they are taught."""
    complaints = []
    for stem, allowed in ahead.items():
        text = " ".join(cell.source for cell in notebooks[stem].cells if cell.cell_type == "markdown").lower()
        used = {module for module, _ in imported_in(notebooks[stem])}
        complaints += [f"{stem} no longer uses {module} ahead" for module in sorted(set(allowed) - used)]
        numbers = sorted({teacher[:2] for teacher in allowed.values()})
        complaints += [f"{stem} does not name notebook {n}" for n in numbers if f"notebook {n}" not in text]
    return complaints


MODULES = package_modules()
PACKAGE = {
    name: code
    for module, names in MODULES.items()
    if not module.startswith("reading.checks")  # a check is named after the exercise it judges
    for name, code in names.items()
}
STORED = {path.stem: nbformat.read(path, as_version=4) for path in NOTEBOOKS}


def test_every_taught_module_exists():
    assert set(MODULES) >= TAUGHT


def test_public_names_of_lessons_are_unique():
    seen = {}
    for module, names in MODULES.items():
        for name in names:
            seen.setdefault(name, []).append(module)
    clashes = {name: where for name, where in seen.items() if len(where) > 1 and TAUGHT & set(where)}
    assert not clashes


@pytest.mark.parametrize("stem", STORED)
def test_same_name_same_code(stem):
    complaints = differing(STORED[stem], PACKAGE)
    assert not complaints, "\n\n".join(complaints)


@pytest.mark.parametrize("module", sorted(TAUGHT - set(LATER)))
def test_each_lesson_is_written_out_in_exactly_one_notebook(module):
    complaints = miscounted(STORED, lessons_of({module: MODULES.get(module, {})}))
    assert not complaints, "\n".join(complaints)


def test_nothing_is_imported_before_it_is_taught():
    complaints = premature(STORED, MODULES)
    assert not complaints, "\n".join(complaints)


def test_what_is_used_ahead_is_announced():
    complaints = unannounced(STORED)
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize("module, stem", LATER.items())
def test_a_lesson_waits_only_for_a_notebook_that_does_not_exist(module, stem):
    assert module in TAUGHT and stem not in STORED, f"{stem} exists: take {module} out of LATER"
