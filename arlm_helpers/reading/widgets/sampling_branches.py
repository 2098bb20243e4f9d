"""The menu of branches: every text that was written stays, and one of them is shown."""

from typing import Any

from ipywidgets import Dropdown

from arlm_helpers.reading.widgets.strings import text as words


class BranchMenu:
    """Texts with their labels in a ``menu``; ``text`` is the one that is shown."""

    def __init__(self) -> None:
        self.menu = Dropdown(description=words("branch"), layout={"width": "28em", "max_width": "100%"})
        self.texts: list[Any] = []

    @property
    def text(self) -> Any:
        """The text that is shown.

        Raises:
            ValueError: if there is none, since the first prompt could not be read.
        """
        if not self.texts:
            raise ValueError(words("no_text"))
        return self.texts[self.menu.value]

    def grow(self, longer: Any) -> None:
        """Put the longer text in the place of the one that is shown."""
        self.texts[self.menu.value] = longer

    def begin(self, text: Any) -> None:
        """Forget all branches and begin with ``text``."""
        self.texts, self.menu.options = [], []
        self.add(text, words("branch_begins", number=1))

    def fork(self, text: Any, at: int, token: str) -> None:
        """A branch that leaves the one that is shown at position ``at`` with ``token``."""
        number, parent = len(self.texts) + 1, self.menu.value + 1
        self.add(text, words("branch_forks", number=number, parent=parent, at=at, token=token))

    def add(self, text: Any, label: str) -> None:
        """A further text, which is then the one that is shown."""
        self.texts.append(text)
        self.menu.options = [*self.menu.options, (label, len(self.texts) - 1)]
        self.menu.value = len(self.texts) - 1
