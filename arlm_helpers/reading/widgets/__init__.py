"""Controls around figures. No model logic inside: a widget is given numbers and functions."""

from arlm_helpers.reading.widgets.attention import attention_explorer
from arlm_helpers.reading.widgets.chat import chat_widget
from arlm_helpers.reading.widgets.dashboard import dashboard
from arlm_helpers.reading.widgets.explore import explore
from arlm_helpers.reading.widgets.hidden_states import hidden_state_explorer
from arlm_helpers.reading.widgets.latent import explore_latent
from arlm_helpers.reading.widgets.order import order_explorer
from arlm_helpers.reading.widgets.sampling import sampling_explorer
from arlm_helpers.reading.widgets.temperature import temperature_explorer
from arlm_helpers.reading.widgets.tokens import token_view

__all__ = [
    "attention_explorer",
    "chat_widget",
    "dashboard",
    "explore",
    "explore_latent",
    "hidden_state_explorer",
    "order_explorer",
    "sampling_explorer",
    "temperature_explorer",
    "token_view",
]
