"""What a tokenizer needs besides its work: to be saved, compared and printed."""

import json
import os
import uuid
from pathlib import Path

VERSION = 1


class Saved:
    """A thing that its settings build again: the arguments of its class, kept under the same names.

    Two are equal if they have one class and equal settings; ``load_tokenizer`` reads what ``save`` wrote.
    """

    kind = ""  # the name of the class in a saved file
    saved = ("specials",)  # the names of the settings
    vocab_size: int

    def settings(self) -> dict[str, object]:
        """The arguments that build this tokenizer again."""
        return {name: getattr(self, name) for name in self.saved}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a JSON file: under a temporary name first, so that no half file is ever left.

        Raises:
            OSError: if the folder does not exist or cannot be written.
        """
        path = Path(path)
        text = json.dumps({"kind": self.kind, "version": VERSION, **self.settings()}, ensure_ascii=False)
        temporary = path.with_name(f"{uuid.uuid4().hex}.tmp")
        try:
            temporary.write_text(text + "\n", encoding="utf-8", newline="\n")
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.settings() == other.settings()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(vocab_size={self.vocab_size})"
