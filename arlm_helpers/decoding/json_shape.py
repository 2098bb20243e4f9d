"""The JSON texts of one shape, as a pattern: what a program can read, a model can be made to write."""

import json

from arlm_helpers.decoding.patterns import Pattern, either, in_sequence, literal, repeat
from arlm_helpers.decoding.regex import regex

INTEGER = r"-?(0|[1-9]\d{0,14})"  # what every reader of JSON stores exactly
KINDS: dict[type, str] = {
    str: r'"([^"\\\x00-\x1f]|\\["\\/bfnrt])*"',
    int: INTEGER,
    float: INTEGER + r"(\.\d{1,15})?([eE][+-]?\d{1,2})?",
    bool: "true|false",
}


def json_shape(shape: object) -> Pattern:
    """All JSON texts of a shape, with the spaces that ``json.dumps`` writes.

    ========================  ===============================================
    ``str int float bool``    any value of this type; numbers to 15 digits
    ``None``, ``3``, ``"a"``  this value
    ``{"name": str}``         an object with these keys, all and in this order
    ``[int]``                 a list of any length, each entry of this shape
    ``("yes", "no")``         one of these shapes
    ========================  ===============================================

    Raises:
        ValueError: for anything else.
    """
    if isinstance(shape, type) and shape in KINDS:
        return regex(KINDS[shape])
    if isinstance(shape, dict) and all(isinstance(key, str) for key in shape):
        entries = [
            in_sequence(literal(f"{json.dumps(key)}: "), json_shape(value)) for key, value in shape.items()
        ]
        separated = [part for entry in entries for part in (literal(", "), entry)][1:]
        return in_sequence(literal("{"), *separated, literal("}"))
    if isinstance(shape, list) and len(shape) == 1:
        entry = json_shape(shape[0])
        several = in_sequence(entry, repeat(in_sequence(literal(", "), entry)))
        return in_sequence(literal("["), repeat(several, 0, 1), literal("]"))
    if isinstance(shape, tuple) and shape:
        return either(json_shape(option) for option in shape)
    if shape is None or isinstance(shape, (str, int)):
        return literal(json.dumps(shape, ensure_ascii=False))
    raise ValueError(
        f"no JSON shape: {shape!r}; use str, int, float, bool, a value, {{key: shape}}, [shape] or (shape, …)"
    )
