"""Figures: numbers in, a plotly figure out. Nothing is shown and no model is run here.

Each figure has one message as its title and carries its text alternative in ``layout.meta["alt"]``.
"""

from arlm_helpers.reading.figures.alignment import alignment_map
from arlm_helpers.reading.figures.attention_maps import attention_maps
from arlm_helpers.reading.figures.before_after import before_after_bars
from arlm_helpers.reading.figures.comparisons import (
    conditional_heatmap,
    observed_and_expected,
    scoreboard_bars,
    surprisal_bars,
)
from arlm_helpers.reading.figures.curves import labelled_lines, rank_frequency
from arlm_helpers.reading.figures.flow import generation_loop
from arlm_helpers.reading.figures.gradients import gradient_norms
from arlm_helpers.reading.figures.hidden_states import hidden_state_strip
from arlm_helpers.reading.figures.latent import collapse_meter, latent_path
from arlm_helpers.reading.figures.layer_guesses import layer_guesses
from arlm_helpers.reading.figures.panels import next_token_panels
from arlm_helpers.reading.figures.probabilities import dart_bar, next_token_bars
from arlm_helpers.reading.figures.roofline import roofline
from arlm_helpers.reading.figures.runs import loss_curves
from arlm_helpers.reading.figures.training import training_figure
from arlm_helpers.reading.figures.verdicts import verdicts

__all__ = [
    "alignment_map",
    "attention_maps",
    "before_after_bars",
    "collapse_meter",
    "conditional_heatmap",
    "dart_bar",
    "generation_loop",
    "gradient_norms",
    "hidden_state_strip",
    "labelled_lines",
    "latent_path",
    "layer_guesses",
    "loss_curves",
    "next_token_bars",
    "next_token_panels",
    "observed_and_expected",
    "rank_frequency",
    "roofline",
    "scoreboard_bars",
    "surprisal_bars",
    "training_figure",
    "verdicts",
]
