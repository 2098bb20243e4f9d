"""Execute notebooks and store them as the repository keeps them: tidy, with a picture beside each figure.

    python tools/store_notebooks.py                 # all of notebooks/*.ipynb
    python tools/store_notebooks.py 02_ngrams       # some
    python tools/store_notebooks.py --check         # execute nothing, only say what is not as it should be
    python tools/store_notebooks.py --keep-outputs  # tidy and draw, without executing

A notebook that raises is not stored. Needs the extra ``maintain`` (kaleido) and a Chrome or Chromium.
"""

import argparse
import base64
import hashlib
import os
import re
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
PLOTLY = "application/vnd.plotly.v1+json"
WIDGET = "application/vnd.jupyter.widget-view+json"
WIDGET_TEXT = "Run this cell to use the widget."
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
TRANSIENT = ("execution", "papermill", "trusted", "collapsed", "scrolled", "ExecuteTime")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="names of notebooks, all if none is given")
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if something is untidy")
    parser.add_argument("--keep-outputs", action="store_true", help="do not execute")
    parser.add_argument("--timeout", type=int, default=180, help="seconds for one cell")
    options = parser.parse_args()
    failed = 0
    for path in chosen(options.names):
        problems = check(path) if options.check else store(path, options.keep_outputs, options.timeout)
        failed += bool(problems)
        for problem in problems:
            print(f"{path.name}: {problem}", file=sys.stderr)
    return 1 if failed else 0


def chosen(names: list[str]) -> list[Path]:
    """The notebooks named, by stem or file name."""
    if not names:
        return sorted(FOLDER.glob("*.ipynb"))
    paths = [FOLDER / f"{Path(name).stem}.ipynb" for name in names]
    for path in paths:
        if not path.exists():
            raise SystemExit(
                f"{path.name} is not in {FOLDER.name}/; there are {[p.stem for p in chosen([])]}"
            )
    return paths


def store(path: Path, keep_outputs: bool, timeout: int) -> list[str]:
    """Execute, tidy and draw one notebook; write it only if nothing went wrong."""
    notebook, began = nbformat.read(path, as_version=4), time.perf_counter()
    if not keep_outputs:
        try:
            execute(notebook, timeout)
        except CellExecutionError as error:
            return [f"not stored, a cell raised:\n{error}"]
    seconds = time.perf_counter() - began
    tidy(notebook)
    pictures = draw(notebook)
    problems = untidy(notebook)
    if not problems:
        write(notebook, path)
        print(
            f"{path.name}: stored, {seconds:.0f} s, {pictures} pictures, {path.stat().st_size / 1024:.0f} KB"
        )
    return problems


def check(path: Path) -> list[str]:
    return untidy(nbformat.read(path, as_version=4))


def execute(notebook, timeout: int) -> None:
    os.environ["ARLM_STRICT"] = "1"  # errors in widgets' callbacks count
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        coalesce_streams=True,
        resources={"metadata": {"path": str(FOLDER)}},
    )
    client.execute()


def tidy(notebook) -> None:
    """Drop what belongs to one run or one machine; number cells, counts and ids in reading order."""
    keep = {key: notebook.metadata[key] for key in ("arlm",) if key in notebook.metadata}
    notebook.metadata = nbformat.from_dict(
        {**keep, "kernelspec": KERNEL, "language_info": {"name": "python"}}
    )
    notebook.nbformat_minor = max(notebook.nbformat_minor, 5)
    count, used = 0, set()
    for cell in notebook.cells:
        cell.id = stable_id(cell.source, used)
        for key in TRANSIENT:
            cell.metadata.pop(key, None)
        if cell.cell_type != "code":
            continue
        count += bool(cell.source.strip())
        cell.execution_count = count if cell.source.strip() else None
        cell.outputs = [tidied(output, count) for output in cell.outputs if not is_noise(output)]


def stable_id(source: str, used: set[str]) -> str:
    """An id that follows from the source, so that storing again or inserting a cell changes no other id."""
    repeat = 0
    while (name := hashlib.sha256(f"{source}{repeat or ''}".encode()).hexdigest()[:8]) in used:
        repeat += 1
    used.add(name)
    return name


def is_noise(output) -> bool:
    """Warnings and progress bars on stderr."""
    return output.output_type == "stream" and output.name == "stderr"


def tidied(output, count: int):
    if output.output_type == "execute_result":
        output.execution_count = count
    if WIDGET in output.get("data", {}):
        output.data = nbformat.from_dict({"text/plain": WIDGET_TEXT})
    if PLOTLY in output.get("data", {}):
        output.data["text/plain"] = alternative(output) or "figure"
        output.data.pop("text/html", None)
    return output


def draw(notebook) -> int:
    """Add a PNG to every Plotly output, with the figure's text alternative; return how many."""
    outputs = [o for cell in notebook.cells for o in cell.get("outputs", []) if PLOTLY in o.get("data", {})]
    if not outputs:
        return 0
    import kaleido

    kaleido.start_sync_server(silence_warnings=True)
    try:
        for output in outputs:
            output.data["image/png"] = base64.b64encode(picture(output.data[PLOTLY])).decode()
            output.metadata = nbformat.from_dict({"image/png": {"alt": alternative(output)}})
    finally:
        kaleido.stop_sync_server(silence_warnings=True)
    return len(outputs)


def picture(figure: dict) -> bytes:
    """The PNG of a figure, 700 pixels wide unless it says otherwise."""
    import kaleido

    height = figure["layout"].get("height") or figure["layout"].get("template", {}).get("layout", {}).get(
        "height"
    )
    size = {"width": figure["layout"].get("width") or 700, "height": height or 380, "scale": 1}
    plain = {"data": figure["data"], "layout": figure["layout"]}
    return kaleido.calc_fig_sync(plain, opts={"format": "png", **size})


def alternative(output) -> str:
    meta = output.data[PLOTLY].get("layout", {}).get("meta") or {}
    return meta.get("alt", "") if isinstance(meta, dict) else ""


def untidy(notebook) -> list[str]:
    """What keeps a notebook from being stored."""
    problems = ["metadata.widgets is stored"] if "widgets" in notebook.metadata else []
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    if [cell.execution_count for cell in cells] != list(range(1, len(cells) + 1)):
        problems.append("not executed in order from a fresh start; run tools/store_notebooks.py")
    for cell in cells:
        for output in cell.outputs:
            problems += [f"cell {cell.id}: {problem}" for problem in untidy_output(output)]
    return problems


def untidy_output(output) -> list[str]:
    data = output.get("data", {})
    problems = []
    if output.output_type == "error":
        problems.append(f"raised {output.ename}: {output.evalue}")
    if is_noise(output):
        problems.append("stderr is stored")
    if WIDGET in data:
        problems.append("a widget view is stored")
    if PLOTLY in data and not (alternative(output) and "image/png" in data):
        problems.append("a figure without PNG or text alternative; use style.described(figure, alt)")
    if re.search(
        r"(/home/|/Users/|/root/|/tmp/|[A-Z]:\\\\)", str({k: v for k, v in data.items() if k != "image/png"})
    ):
        problems.append("an output names a folder of this machine")
    return problems


def write(notebook, path: Path) -> None:
    """Write to a temporary name beside the target, then rename: never half a notebook."""
    nbformat.validate(notebook)
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", newline="\n", dir=path.parent, delete=False
    ) as file:
        file.write(nbformat.writes(notebook).rstrip("\n") + "\n")
    os.chmod(file.name, 0o644)
    os.replace(file.name, path)


if __name__ == "__main__":
    sys.exit(main())
