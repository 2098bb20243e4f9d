"""What every stored notebook of the course has: an opening, exercises, pictures, a summary; and no litter.

Each rule is a function from a notebook to a list of complaints.
"""

import getpass
import importlib.util
import re
from itertools import pairwise
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[1]
MAX_LINES = 40
KINDS = ("warm-up", "extension", "open question")
CHECK_CALL = re.compile(r"\bcheck\.\w+\(")
CLOSED_LINE = re.compile(r"# Solution|(?:def|class) .*[:(]|(?:import|from|@).*")  # tells no answer

spec = importlib.util.spec_from_file_location("store_notebooks", ROOT / "tools" / "store_notebooks.py")
store_notebooks = importlib.util.module_from_spec(spec)
spec.loader.exec_module(store_notebooks)


def markdown(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "markdown"]


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


def tagged(notebook, tag):
    return [cell for cell in code(notebook) if tag in cell.metadata.get("tags", [])]


def is_folded(cell):
    return cell.metadata.get("jupyter", {}).get("source_hidden") is True


def headings(cells):
    """(level, text) of every Markdown heading outside fenced code."""
    text = re.sub(r"^```.*?^```", "", "\n\n".join(cell.source for cell in cells), flags=re.S | re.M)
    return [(len(m[1]), m[2].strip()) for m in re.finditer(r"^(#{1,6}) +(.+)$", text, flags=re.M)]


def section(notebook, title):
    """The cells from the ``## title`` heading to the next heading of that level."""
    inside, found = False, []
    for cell in notebook.cells:
        tops = (
            [text for level, text in headings([cell]) if level <= 2] if cell.cell_type == "markdown" else []
        )
        inside = tops[0].startswith(title) if tops else inside
        found += [cell] if inside else []
    return found


def exercises(notebook):
    """The cells of each exercise, by the text of its ``### Exercise …`` heading."""
    parts = {}
    for cell in section(notebook, "Exercises"):
        titles = (
            [text for level, text in headings([cell]) if level == 3] if cell.cell_type == "markdown" else []
        )
        if titles:
            parts[titles[0]] = []
        if parts:
            parts[next(reversed(parts))].append(cell)
    return {title: cells for title, cells in parts.items() if title.startswith("Exercise")}


def title_is_a_question(notebook):
    tops = [text for level, text in headings(markdown(notebook)) if level == 1]
    return (
        []
        if len(tops) == 1 and tops[0].endswith("?")
        else [f"one title, a question, is needed; found {tops}"]
    )


def opening_keeps_its_promise(notebook):
    """metadata.arlm = {minutes, outcomes, prerequisites}; the text before the setup cell says the same."""
    facts = notebook.metadata.get("arlm", {})
    if missing := [key for key in ("minutes", "outcomes", "prerequisites") if not facts.get(key)]:
        return [f"metadata.arlm lacks {missing}"]
    setup = tagged(notebook, "setup")
    before = notebook.cells[: notebook.cells.index(setup[0])] if setup else notebook.cells[:1]
    text = " ".join(" ".join(cell.source for cell in before).split())
    wanted = [f"{facts['minutes']} minutes", *facts["outcomes"], *facts["prerequisites"]]
    return [
        f"the opening does not say {phrase!r}" for phrase in wanted if " ".join(phrase.split()) not in text
    ]


def one_setup_and_one_parameters_cell(notebook):
    counts = {tag: len(tagged(notebook, tag)) for tag in ("setup", "parameters")}
    return [f"{count} cells are tagged {tag!r}, one is needed" for tag, count in counts.items() if count != 1]


def exercises_check_themselves(notebook):
    found = exercises(notebook)
    complaints = [] if len(found) >= 3 else [f"{len(found)} exercises, at least 3 are needed"]
    complaints += [f"no exercise is a {kind}" for kind in KINDS if not any(kind in title for title in found)]
    for title, cells in found.items():
        words = " ".join(cell.source for cell in cells if cell.cell_type == "markdown")
        todo = [cell for cell in cells if cell.cell_type == "code" and not is_folded(cell)]
        solved = [cell for cell in cells if cell.cell_type == "code" and is_folded(cell)]
        if "<summary>Hint" not in words:
            complaints.append(f"{title}: no folded hint")
        if not any(CHECK_CALL.search(cell.source) and "not solved yet" in printed(cell) for cell in todo):
            complaints.append(f"{title}: no stub whose check says 'not solved yet'")
        if not any(".must_pass()" in cell.source and "✓ solved" in printed(cell) for cell in solved):
            complaints.append(f"{title}: no folded solution that passes with .must_pass()")
    return complaints


def solutions_are_closed(notebook):
    """Of a folded cell a reader sees the first line and the outputs: neither may hold the answer."""
    complaints = []
    for title, cells in exercises(notebook).items():
        for cell in cells:
            if not (cell.cell_type == "code" and is_folded(cell) and ".must_pass()" in cell.source):
                continue
            first_line = cell.source.splitlines()[0]
            if not CLOSED_LINE.fullmatch(first_line):
                complaints.append(f"{title}: the solution shows {first_line!r}; begin it with '# Solution'")
            if printed(cell).strip() != "✓ solved":
                complaints.append(f"{title}: the solution prints more than '✓ solved', which nothing folds")
    return complaints


def printed(cell):
    return " ".join(str(o.get("text", o.get("data", {}).get("text/plain", ""))) for o in cell.outputs)


def ends_with_exercises_summary_and_next(notebook):
    ends = [text.split()[0].rstrip(":") for level, text in headings(markdown(notebook)) if level == 2][-3:]
    complaints = [] if ends == ["Exercises", "Summary", "Next"] else [f"the last sections are {ends}"]
    table = any(re.search(r"^\|.+\|$", cell.source, flags=re.M) for cell in section(notebook, "Summary"))
    return complaints + ([] if table else ["the summary has no table"])


def headings_do_not_skip_levels(notebook):
    levels = headings(markdown(notebook))
    pairs = pairwise(levels)
    return [f"heading {text!r} skips a level" for (before, _), (level, text) in pairs if level > before + 1]


def images_have_a_text(notebook):
    text = "\n".join(cell.source for cell in markdown(notebook))
    bare = re.findall(r"!\[\s*\]\([^)]*\)", text)
    return [
        f"image without text: {found}"
        for found in bare + re.findall(r"<img(?![^>]*\balt=\"[^\"]+\")[^>]*>", text)
    ]


def cells_are_short(notebook):
    lengths = {cell.id: len(cell.source.splitlines()) for cell in code(notebook)}
    return [f"cell {name} has {n} lines, at most {MAX_LINES}" for name, n in lengths.items() if n > MAX_LINES]


def nothing_of_this_machine(notebook):
    text = nbformat.writes(notebook)
    complaints = ["U+FFFD: bytes were decoded as broken characters"] if "\ufffd" in text else []
    user = getpass.getuser()
    if user not in ("root", "runner", "user") and re.search(rf"\b{re.escape(user)}\b", text):
        complaints.append(f"the user name {user!r} is stored")
    folders = {str(ROOT), str(Path.home())} - {"/", "/root"}
    return complaints + [f"the folder {folder} is stored" for folder in folders if folder in text]


RULES = [
    store_notebooks.untidy,
    title_is_a_question,
    opening_keeps_its_promise,
    one_setup_and_one_parameters_cell,
    exercises_check_themselves,
    solutions_are_closed,
    ends_with_exercises_summary_and_next,
    headings_do_not_skip_levels,
    images_have_a_text,
    cells_are_short,
    nothing_of_this_machine,
]
