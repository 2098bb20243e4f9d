"""Tokenizers as JSON files: ``{"kind": "bpe", "version": 1, "specials": […], "merges": [[104, 101], …]}``."""

import json
import os
from pathlib import Path

from arlm_helpers.text.bpe import BPETokenizer
from arlm_helpers.text.checking import checked_merges
from arlm_helpers.text.phonemes import PhonemeTokenizer
from arlm_helpers.text.saving import VERSION
from arlm_helpers.text.tokenizers import ByteTokenizer, CharTokenizer, Tokenizer

CLASSES: dict[str, type[Tokenizer]] = {
    cls.kind: cls for cls in (CharTokenizer, ByteTokenizer, BPETokenizer, PhonemeTokenizer)
}
WAY_OUT = "save the tokenizer again with tokenizer.save(path)"
MOST_BYTES = 100_000_000  # of all tokens together


def load_tokenizer(path: str | os.PathLike[str]) -> Tokenizer:
    """Read a tokenizer that ``save`` wrote; it equals the one that was saved.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is cut off, not a tokenizer, or of an unknown kind or version.
    """
    data = Path(path).read_bytes()
    try:
        record = json.loads(data.decode("utf-8"))
        return tokenizer_from(record)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"{path} is not a tokenizer file ({error}); {WAY_OUT}") from error


def tokenizer_from(record: object) -> Tokenizer:
    """The tokenizer that a record describes: ``kind``, ``version`` and the arguments of its class.

    Raises:
        ValueError, TypeError: if the record is anything else.
    """
    if not isinstance(record, dict):
        raise ValueError(f"it holds a {type(record).__name__}, not an object")
    settings = dict(record)
    kind, version = settings.pop("kind", None), settings.pop("version", None)
    if not isinstance(kind, str) or kind not in CLASSES:
        raise ValueError(f"its kind is {kind!r}, known are {', '.join(CLASSES)}")
    if version != VERSION:
        raise ValueError(f"its version is {version!r}, this program reads version {VERSION}")
    check_size(settings.get("merges", []))
    return CLASSES[kind](**settings)


def check_size(merges: list[list[int]]) -> None:
    """Refuse merges whose tokens would fill the memory: forty doublings of one byte are a terabyte.

    Raises:
        ValueError: if all tokens together have more than ``MOST_BYTES`` bytes.
    """
    sizes = [1] * 256
    total = 256
    for first, last in checked_merges(merges):
        sizes.append(sizes[first] + sizes[last])
        total += sizes[-1]
        if total > MOST_BYTES:
            raise ValueError(f"its tokens have more than {MOST_BYTES:,} bytes")
