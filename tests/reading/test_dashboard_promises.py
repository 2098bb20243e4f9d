"""What the dashboard promises: it costs next to nothing, changes nothing, and needs no browser."""

import random
import time

import nbformat
import numpy as np
import pytest
import torch
from nbclient import NotebookClient

from arlm_helpers.reading.widgets import dashboard
from arlm_helpers.reading.widgets.explore import PLOTLY_MIME
from tests.reading.test_dashboard import eager, page, step

__all__ = ["eager", "page"]  # fixtures


def train_a_little(look):
    """A training that draws from every global generator, and the bits it ends with."""
    random.seed(3), np.random.seed(3), torch.manual_seed(3)
    weight = torch.zeros(8, requires_grad=True)

    def training():
        for number in range(1, 41):
            noise = torch.randn(8) + random.random() + float(np.random.rand())
            loss = ((weight - noise) ** 2).sum()
            [slope] = torch.autograd.grad(loss, weight)
            with torch.no_grad():
                weight.sub_(0.05 * slope)
            yield step(number, loss.item())

    losses = [now.loss for now in look(training())]
    return (
        losses,
        weight.tolist(),
        random.getstate(),
        np.random.get_state()[1].tolist(),
        torch.get_rng_state(),
    )


def test_the_trained_numbers_and_random_states_are_the_same_to_the_bit(page, eager):
    def greedy():
        random.random(), np.random.rand(5), torch.rand(5)
        return 1.0

    with_one = train_a_little(
        lambda run: dashboard(
            run, n_steps=40, validate=greedy, sample=lambda: str(greedy()), validate_every=3
        )
    )
    without = train_a_little(lambda run: run)
    assert with_one[:4] == without[:4] and torch.equal(with_one[4], without[4])


@pytest.mark.slow
def test_a_dashboard_costs_at_most_two_percent_of_the_processor_time_of_training(page):
    """The work of the steps is measured to the microsecond, so that all the rest is the dashboard's."""
    worked, drawn = [], []

    def training(n):
        for number in range(1, n + 1):
            began = time.thread_time()
            while time.thread_time() - began < 0.02:
                pass
            worked.append(time.thread_time() - began)
            yield step(number)

    began = time.process_time()
    for _ in dashboard(training(500), n_steps=500, validate=lambda: 1.0, sample=lambda: "To be"):
        drawn.append(len(page[0].children[2].outputs))
    used = time.process_time() - began
    assert used - sum(worked) <= 0.02 * sum(worked) and sum(drawn) > 250  # a picture early on
    assert sum(worked) >= 10


CELL = """
from types import SimpleNamespace
from arlm_helpers.reading.widgets import dashboard
run = (SimpleNamespace(step=i, loss=4 / i, learning_rate=.1, tokens_per_second=9., gradient_norm=1.)
       for i in range(1, 51))
for step in dashboard(run, n_steps=50, validate=lambda: 2.0, sample=lambda: "快 <b>\\udce5</b>"):
    if step.step == 30:
        break
"""


def test_a_notebook_that_is_executed_without_a_browser_stores_figure_and_report():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    NotebookClient(notebook, timeout=100, kernel_name="python3").execute()
    figure, report = notebook.cells[0].outputs
    assert figure.data[PLOTLY_MIME]["data"][0]["x"] == list(range(1, 31))
    assert (
        "application/vnd.jupyter.widget-view+json" not in figure.data
        and "step 30" in figure.data["text/plain"]
    )
    assert "Stopped early, after step 30 of 50" in report.data["text/html"]
    assert "快 &lt;b&gt;⟨E5⟩&lt;/b&gt;" in report.data["text/html"]
