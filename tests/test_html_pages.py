"""The pages that ``course.py run`` writes: complete without a network."""

import re

import nbformat
import plotly.graph_objects as go
import pytest

from tools.html_pages import PLOTLY_MIME, write_pages


@pytest.fixture
def page(tmp_path):
    figure = go.Figure(go.Bar(y=[1, 2])).to_plotly_json()
    code = nbformat.v4.new_code_cell("figure and widget")
    code.outputs = [
        nbformat.v4.new_output("display_data", {PLOTLY_MIME: figure}),
        nbformat.v4.new_output(
            "display_data",
            {"application/vnd.jupyter.widget-view+json": {"model_id": "x"}, "text/plain": "FloatSlider()"},
        ),
    ]
    prose = nbformat.v4.new_markdown_cell(
        "# Why & how?\n\nWith $p_i < 1$:\n\n$$q_i = \\frac{p_i}{\\sum_j p_j}$$"
    )
    nbformat.write(nbformat.v4.new_notebook(cells=[prose, code]), tmp_path / "00_why.ipynb")
    index = write_pages(tmp_path)
    return index, (tmp_path / "00_why.html").read_text(encoding="utf-8")


def test_formulas_are_drawn_by_the_browser_itself(page):
    assert len(re.findall(r"<math[ >]", page[1])) == 2
    assert "<mfrac>" in page[1] and "$$q_i" not in page[1]


def test_scripts_come_from_the_folder_of_the_page(page):
    assert re.findall(r'<script[^>]*src="([^"]*)"', page[1]) == ["plotly.min.js"]
    assert page[0].with_name("plotly.min.js").stat().st_size > 1_000_000


def test_a_figure_is_interactive_and_a_widget_says_what_to_do(page):
    assert "Plotly.newPlot" in page[1]
    assert "Run this cell to use the widget." in page[1]


def test_the_index_links_every_page_by_its_title(page):
    assert '<a href="00_why.html">Why &amp; how?</a>' in page[0].read_text(encoding="utf-8")
