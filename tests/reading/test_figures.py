"""Figures say what they show: in a short title, in numbers, and in words for those who cannot see them."""

import ast
import json
import math
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import plotly.graph_objects as go
import pytest
import torch

from arlm_helpers.reading import figures
from arlm_helpers.reading.history import History
from arlm_helpers.reading.style import CHOSEN, CONFIG, OTHER, described, token_label

PROBS = torch.tensor([0.4, 0.1, 0.3, 0.2])
TOKENS = ["\n", "快", "<b>", " the"]


def history():
    run = History()
    run.add(SimpleNamespace(step=1, loss=3.0, learning_rate=0.1, tokens_per_second=9.0, gradient_norm=1.0))
    return run


EXAMPLES = {
    "alignment_map": lambda: figures.alignment_map(
        torch.tensor([[1.0, 0.0], [0.3, 0.7]]), TOKENS[:2], TOKENS[1:3], title="It looks", chosen=1
    ),
    "attention_maps": lambda: figures.attention_maps(
        torch.tensor([[[1.0, 0.0], [0.3, 0.7]]]), TOKENS[1:3], names=["head 0"]
    ),
    "layer_guesses": lambda: figures.layer_guesses(
        TOKENS[:2], TOKENS[1:3], [["快", "快"], ["\n", "<b>"]], PROBS.view(2, 2), names=["in", "block 0"]
    ),
    "before_after_bars": lambda: figures.before_after_bars(
        PROBS, torch.tensor([0.6, 0.0, 0.4, 0.0]), TOKENS, chosen=1, n_bars=3
    ),
    "collapse_meter": lambda: figures.collapse_meter({"<b>": PROBS}, {"<b>": [True] * 3 + [False]}),
    "latent_path": lambda: figures.latent_path([0, 0.5, 1], TOKENS[:3], valid=[True, False, True], chosen=1),
    "verdicts": lambda: figures.verdicts({"<b>": (0.9, 0.5, 100)}),
    "next_token_bars": lambda: figures.next_token_bars(PROBS, TOKENS, chosen=2, n_bars=3),
    "dart_bar": lambda: figures.dart_bar(PROBS, TOKENS, 0.45),
    "labelled_lines": lambda: figures.labelled_lines(
        [1, 2], {"a": [3, 1.5]}, title="t", x_title="x", y_title="y", references={"floor": 1}, chosen_x=2
    ),
    "generation_loop": lambda: figures.generation_loop(
        "be", [2, 3], {"<b>": 0.5, "快": -1.0}, vocab_size=63, chosen="快", chosen_id=5
    ),
    "next_token_panels": lambda: figures.next_token_panels({"cold": PROBS, "hot": PROBS.flip(0)}, TOKENS),
    "rank_frequency": lambda: figures.rank_frequency({"words": [5, 0, 1, 9]}),
    "roofline": lambda: figures.roofline(
        {"one row": [(0.5, 4e9)]}, bytes_per_second=1e10, flops_per_second=5e10, title="Below the roof"
    ),
    "observed_and_expected": lambda: figures.observed_and_expected(
        ["a", "<b>"], [0.4, 0.6], [0.5, 0.5], errors=[0.2, 0.01]
    ),
    "conditional_heatmap": lambda: figures.conditional_heatmap(PROBS.view(2, 2), TOKENS[:2]),
    "scoreboard_bars": lambda: figures.scoreboard_bars(
        {"good": 2, "bad": 5.5}, ours=["good"], spreads={"good": 0.1}
    ),
    "surprisal_bars": lambda: figures.surprisal_bars(TOKENS, [1, 2, 7, 3.5], references={"uniform": 2}),
    "training_figure": lambda: figures.training_figure(history(), references={"7-gram": 1.5}),
    "loss_curves": lambda: figures.loss_curves({"LSTM": ([1, 2], [3.0, 2.0])}, references={"7-gram": 1.5}),
    "gradient_norms": lambda: figures.gradient_norms([0, 9], {"Elman": [1.0, 1e-4], "LSTM": [1.0, 0.5]}),
    "hidden_state_strip": lambda: figures.hidden_state_strip(
        "<b>快", torch.linspace(-1, 1, 4), name="cell 3"
    ),
}


def test_every_exported_figure_has_an_example():
    assert set(EXAMPLES) == set(figures.__all__)


@pytest.fixture(params=EXAMPLES)
def figure(request):
    return EXAMPLES[request.param]()


def test_every_figure_carries_a_text_alternative_with_numbers(figure):
    assert any(sign.isdigit() for sign in figure.layout.meta["alt"])


def test_every_figure_has_a_title_that_fits_700_pixels(figure):
    assert 0 < len(figure.layout.title.text) <= 60


def test_every_figure_is_plain_json_without_markup_from_tokens(figure):
    labels = json.dumps(json.loads(figure.to_json())["layout"].get("yaxis", {}).get("ticktext", []))
    assert "<b>" not in labels


def figure_functions():
    for path in sorted(Path(figures.__file__).parent.glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if (
                isinstance(node, ast.FunctionDef)
                and node.returns
                and ast.unparse(node.returns).endswith("Figure")
            ):
                yield pytest.param(node, id=f"{path.stem}.{node.name}")


@pytest.mark.parametrize("function", [p for p in figure_functions() if not p.values[0].name.startswith("_")])
def test_every_public_figure_function_returns_a_described_figure(function):
    returned = [ast.unparse(node.value) for node in ast.walk(function) if isinstance(node, ast.Return)]
    assert returned and all("described(" in value for value in returned)


@pytest.mark.parametrize("alt", ["", "  \n"])
def test_a_blank_text_alternative_is_refused(alt):
    with pytest.raises(ValueError, match="describe the figure in words"):
        described(go.Figure(), alt)


def test_the_button_that_uploads_a_chart_is_removed():
    import plotly.io as pio

    assert "sendChartToCloud" in CONFIG["modeBarButtonsToRemove"]
    assert (
        pio.renderers["plotly_mimetype"].config["modeBarButtonsToRemove"] == CONFIG["modeBarButtonsToRemove"]
    )
    assert pio.templates.default == "arlm"


def test_the_bars_are_the_likeliest_tokens_and_the_rest():
    bars = figures.next_token_bars(PROBS, TOKENS, n_bars=2)
    assert bars.data[0].x == pytest.approx((0.4, 0.3, 0.3))
    assert bars.layout.yaxis.ticktext == ("'\\n'", "'&lt;b&gt;'", "other (2 tokens)")
    assert bars.layout.title.text == "70.0% of the probability is on 2 tokens"


def test_the_chosen_token_is_shown_however_unlikely_and_not_by_colour_alone():
    bars = figures.next_token_bars(PROBS, TOKENS, chosen=1, n_bars=2)
    assert bars.layout.yaxis.ticktext[1] == "'快'"
    assert bars.data[0].marker.color == (OTHER, CHOSEN, OTHER) and "chosen" in bars.data[0].text[1]


@pytest.mark.parametrize("first, shown", [(1.0, "100%"), (0.9999, ">99.9%"), (0.5, "50.0%")])
def test_a_probability_is_called_certain_only_if_it_is(first, shown):
    bars = figures.next_token_bars(torch.tensor([first, 1 - first]), ["a", "b"], n_bars=1)
    assert bars.data[0].text[0] == shown


@pytest.mark.parametrize("chosen", [-1, 4])
def test_a_chosen_id_outside_the_vocabulary_is_refused(chosen):
    with pytest.raises(ValueError, match=f"from 0 to 3, got {chosen}"):
        figures.next_token_bars(PROBS, TOKENS, chosen=chosen)


@pytest.mark.parametrize(
    "u, token", [(0.0, "\n"), (0.39, "\n"), (0.45, "快"), (0.55, "<b>"), (0.999999, " the")]
)
def test_the_dart_lands_on_the_token_that_covers_it(u, token):
    assert figures.dart_bar(PROBS, TOKENS, u).layout.title.text.endswith(f"lands on {token_label(token)}")


@pytest.mark.parametrize("u", [-0.1, 1.0])
def test_a_dart_beside_the_line_is_refused(u):
    with pytest.raises(ValueError, match=r"u must be in \[0, 1\)"):
        figures.dart_bar(PROBS, TOKENS, u)


def test_labels_at_the_ends_of_lines_do_not_overlap():
    series = {name: [1.0, 2.0 + i / 1000] for i, name in enumerate("abcd")}
    drawn = figures.labelled_lines([0, 1], series, title="t", x_title="x", y_title="y")
    low, high = drawn.layout.yaxis.range
    heights = sorted(note.y for note in drawn.layout.annotations)
    assert all(b - a >= 0.0699 * (high - low) for a, b in pairwise(heights))
    assert low <= heights[0] and heights[-1] <= high


def test_a_line_of_another_length_is_refused():
    with pytest.raises(ValueError, match="'a' has 1 values for 2 positions"):
        figures.labelled_lines([0, 1], {"a": [1]}, title="t", x_title="x", y_title="y")


def test_rank_frequency_keeps_first_and_last_rank_and_stays_small():
    line = figures.rank_frequency({"words": range(100_000)}).data[1]
    assert (line.x[0], line.y[0]) == (1, 99_999) and (line.x[-1], line.y[-1]) == (99_999, 1)
    assert len(line.x) <= 250


def test_names_in_rank_frequency_stand_above_every_line():
    counts = {"steep": [900, 500, 80, 2], "flat": [60] * 30 + [1] * 500, "low": [50, 2]}
    labels = {label.text: label for label in figures.rank_frequency(counts).layout.annotations}
    for name in ("steep", "flat"):
        rank, count = round(10 ** labels[name].x), 10 ** labels[name].y
        highest = max(sorted(c, reverse=True)[rank - 1] for c in counts.values() if len(c) >= rank)
        assert count == pytest.approx(highest)
    assert (labels["low"].x, labels["low"].y) == (math.log10(2), math.log10(2))  # never on top: at its end


def test_the_title_counts_the_bars_inside_their_error_bars():
    assert EXAMPLES["observed_and_expected"]().layout.title.text == "1 of 2 bars end inside their error bars"


def test_bars_and_diamonds_can_be_named_in_axis_and_alternative():
    figure = figures.observed_and_expected(["a"], [0.4], [0.5], errors=[0], names=("masked", "joint"))
    assert figure.layout.xaxis.title.text.endswith("grey bar masked, blue diamond joint")
    assert "a masked 0.4, joint 0.5." in figure.layout.meta["alt"]


def test_a_cell_without_a_value_is_blank_not_zero():
    table = torch.tensor([[0.5, math.nan], [1.0, 0.0]])
    assert figures.conditional_heatmap(table, ["a", "b"]).data[0].z == ([0.5, None], [1.0, 0.0])


def test_the_worst_model_is_on_top_and_ours_is_starred():
    bars = EXAMPLES["scoreboard_bars"]()
    assert bars.layout.yaxis.ticktext == ("bad", "good ★") and bars.data[0].text == ("5.50", "2.00 ± 0.10")


def test_a_model_without_a_row_is_refused():
    with pytest.raises(ValueError, match=r"no row for \['x'\]"):
        figures.scoreboard_bars({"a": 1}, ours=["x"])
