"""Show the code behind a function, for the curious."""

import inspect
from collections.abc import Callable
from html import escape
from typing import Any

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer


class Source:
    """The source of a function or class: coloured in a notebook, plain text elsewhere."""

    def __init__(self, code: str, name: str) -> None:
        self.code = code
        self.name = name

    def __repr__(self) -> str:
        return f"# {self.name}\n{self.code}"

    def _repr_html_(self) -> str:
        coloured = highlight(
            self.code, PythonLexer(), HtmlFormatter(noclasses=True, nowrap=True, style="default")
        )
        box = "overflow:auto;line-height:1.35;background:#F8F8F8;color:#222;padding:8px"
        return f'<div lang="en"><small>{escape(self.name)}</small><pre style="{box}">{coloured}</pre></div>'


def show_source(thing: Callable[..., Any] | type) -> Source:
    """The source of ``thing``, to be the last expression of a cell.

    Raises:
        ValueError: if it has no Python source, as built-in functions, or classes written in a cell.
    """
    inner = inspect.unwrap(thing)
    name = f"{getattr(inner, '__module__', '?')}.{getattr(inner, '__qualname__', repr(inner))}"
    try:
        return Source(inspect.getsource(inner), name)
    except (OSError, TypeError) as error:
        raise ValueError(
            f"{name} has no Python source to show; is it built in, or a class of this notebook?"
        ) from error
