"""One look for every figure of the course, and what plotly may and may not do in a notebook.

Importing this module makes the template the default and removes plotly's logo and the button that
uploads a chart to a cloud service.
"""

import plotly.graph_objects as go
import plotly.io as pio

# Okabe and Ito (2008), https://jfly.uni-koeln.de/color/ : distinguishable with any colour vision.
BLUE, GREEN, SKY, ORANGE, PINK = "#0072B2", "#009E73", "#56B4E9", "#E69F00", "#CC79A7"
CHOSEN = "#D55E00"  # red-orange: the chosen token, the value the reader is looking at
OTHER = "#A6A6A6"  # grey: all the others
INK = "#222222"  # text, axes, references
LINES = (BLUE, GREEN, ORANGE, PINK, SKY, INK)
LINE_LABELS = (BLUE, "#00704F", "#8A5F00", "#9C4678", "#1F6F9B", INK)  # darker, to be read as text
DASHES = ("solid", "dash", "dashdot", "longdash", "longdashdot", "solid")
REFERENCE = {"color": INK, "width": 1.2, "dash": "dot"}  # uniform guess, entropy, a published result
MAGNITUDE = "Cividis"
SIGNED = [[0.0, BLUE], [0.5, "#FFFFFF"], [1.0, CHOSEN]]  # centre it on 0
FONT = '"Open Sans", "Noto Sans", Arial, "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif'
WIDTH, HEIGHT = 700, 380  # pixels of a stored picture; in JupyterLab the width follows the page
CONFIG = {"displaylogo": False, "modeBarButtonsToRemove": ["sendChartToCloud", "select2d", "lasso2d"]}

AXIS = {
    "showline": True,
    "linecolor": INK,
    "ticks": "outside",
    "tickcolor": INK,
    "gridcolor": "#E8E8E8",
    "zeroline": False,
    "automargin": True,
    "title": {"standoff": 8},
}

TEMPLATE = go.layout.Template(
    layout={
        "font": {"family": FONT, "size": 14, "color": INK},
        "title": {"font": {"size": 17}, "x": 0, "xref": "container", "xanchor": "left", "pad": {"l": 12}},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "height": HEIGHT,
        "margin": {"l": 60, "r": 30, "t": 60, "b": 55},
        "colorway": LINES,
        "showlegend": False,
        "bargap": 0.25,
        "hoverlabel": {"font": {"family": FONT, "size": 14}},
        "modebar": {"orientation": "v"},
        "xaxis": AXIS,
        "yaxis": AXIS,
    },
    data={
        "heatmap": [{"colorscale": MAGNITUDE, "zmin": 0, "colorbar": {"outlinewidth": 0, "thickness": 14}}],
        "bar": [{"textposition": "outside", "cliponaxis": False, "marker": {"line": {"width": 0}}}],
        "scatter": [{"line": {"width": 2.5}, "cliponaxis": False}],
    },
)

pio.templates["arlm"] = TEMPLATE
pio.templates.default = "arlm"
for _name in ("plotly_mimetype", "notebook"):
    pio.renderers[_name].config = {**(pio.renderers[_name].config or {}), **CONFIG}


def described(figure: go.Figure, alt: str) -> go.Figure:
    """Give ``figure`` its text alternative, ``layout.meta["alt"]``, for readers who cannot see it.

    The alternative says what the picture shows, numbers included, not merely what kind it is.

    Raises:
        ValueError: if ``alt`` is blank.
    """
    if not alt.strip():
        raise ValueError("alt must describe the figure in words, got a blank text")
    return figure.update_layout(meta={"alt": " ".join(alt.split())}, template=TEMPLATE)


def alt_text(figure: go.Figure) -> str:
    """The text alternative of a figure; its title where it has none."""
    meta = figure.layout.meta
    return (meta or {}).get("alt") or figure.layout.title.text or "figure"


def token_label(token: str, limit: int = 24) -> str:
    """A token as figures show it: in quotes by ``repr``, white space visible, long ones shortened.

    Angle brackets and ampersands are escaped, since plotly reads labels as HTML.
    """
    text = repr(token)
    text = text if len(text) <= limit else text[: limit - 2] + "…" + text[-1]
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
