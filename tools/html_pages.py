"""HTML pages of executed notebooks, whose plotly figures work without a kernel and without a network."""

import html
from pathlib import Path

import nbformat
import plotly.io
from nbconvert import HTMLExporter
from plotly.offline import get_plotlyjs

PLOTLY_MIME = "application/vnd.plotly.v1+json"
SCRIPT = "plotly.min.js"


def write_pages(folder: Path) -> Path:
    """Write ``name.html`` for each ``name.ipynb`` in ``folder``, and an index; return the index."""
    (folder / SCRIPT).write_text(get_plotlyjs(), encoding="utf-8")
    rows = []
    for path in sorted(folder.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        draw_figures(notebook)
        page, _resources = HTMLExporter().from_notebook_node(notebook)
        page = page.replace("<head>", f'<head><script src="{SCRIPT}"></script>', 1)
        path.with_suffix(".html").write_text(page, encoding="utf-8")
        rows.append(f'<li><a href="{path.stem}.html">{html.escape(title(notebook, path.stem))}</a></li>')
    index = folder / "index.html"
    head = '<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>The series</title>'
    index.write_text(f"{head}<h1>The series</h1><ol start='0'>{''.join(rows)}</ol></html>", encoding="utf-8")
    return index


def draw_figures(notebook: nbformat.NotebookNode) -> None:
    """Give each plotly output an HTML form, which pages prefer to its static image."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            bundle = output.get("data", {}).get(PLOTLY_MIME)
            if bundle is not None:
                config = bundle.get("config", {})
                figure = {"data": bundle["data"], "layout": bundle["layout"]}
                output.data["text/html"] = plotly.io.to_html(
                    figure, config=config, include_plotlyjs=False, full_html=False, validate=False
                )


def title(notebook: nbformat.NotebookNode, otherwise: str) -> str:
    """The first heading of a notebook."""
    lines = (
        line for cell in notebook.cells if cell.cell_type == "markdown" for line in cell.source.split("\n")
    )
    return next((line[2:].strip() for line in lines if line.startswith("# ")), otherwise)
