"""HTML pages of executed notebooks: figures and formulas work without a kernel and without a network."""

import html
import re
from pathlib import Path

import nbformat
import plotly.io
from jinja2 import pass_context
from jinja2.runtime import Context
from latex2mathml.converter import convert
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from plotly.offline import get_plotlyjs

from tools.store_notebooks import tidy

PLOTLY_MIME = "application/vnd.plotly.v1+json"
SCRIPT = "plotly.min.js"


class FormulaRenderer(IPythonRenderer):
    """Markdown whose formulas become MathML, which browsers draw without MathJax and its download."""

    def block_math(self, body: str) -> str:
        """A formula on a line of its own."""
        return convert(body, display="block")

    def inline_math(self, body: str) -> str:
        """A formula within a line."""
        return convert(body)


class PageExporter(HTMLExporter):
    """nbconvert's pages, with ``FormulaRenderer`` and without a script from elsewhere."""

    @pass_context
    def markdown2html(self, context: Context, source: str) -> str:
        """A Markdown cell as HTML."""
        attachments = context.get("cell", {}).get("attachments", {})
        renderer = FormulaRenderer(escape=False, attachments=attachments)
        return MarkdownWithMath(renderer=renderer).render(source)


def write_pages(folder: Path) -> Path:
    """Write ``name.html`` for each ``name.ipynb`` in ``folder``, and an index; return the index."""
    (folder / SCRIPT).write_text(get_plotlyjs(), encoding="utf-8")
    rows = []
    for path in sorted(folder.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        tidy(notebook)  # a widget without a kernel would ask a server for its script
        draw_figures(notebook)
        page, _resources = PageExporter(mathjax_url="", require_js_url="").from_notebook_node(notebook)
        page = re.sub(r'<script src="">\s*</script>', "", page)
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
