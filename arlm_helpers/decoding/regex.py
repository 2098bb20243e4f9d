"""Regular expressions in the usual notation, read into patterns that know what may come next."""

from arlm_helpers.decoding.patterns import Pattern, characters, either, in_sequence, repeat

Ranges = list[tuple[int, int]]  # of code points, both ends included
LAST = 0x10FFFF
CHARACTER_CLASSES: dict[str, Ranges] = {
    "d": [(48, 57)],
    "w": [(48, 57), (65, 90), (95, 95), (97, 122)],
    "s": [(9, 13), (32, 32)],
}
CONTROLS = {"n": 10, "t": 9, "r": 13, "f": 12, "v": 11}
CODES = {"x": 2, "u": 4, "U": 8}  # how many hexadecimal digits follow


def others(ranges: Ranges) -> Ranges:
    """All characters but these."""
    gaps, free = [], 0
    for low, high in sorted(ranges):
        if free < low:
            gaps.append((free, low - 1))
        free = max(free, high + 1)
    return [*gaps, (free, LAST)] if free <= LAST else gaps


class RegexReader:
    """Reads an expression from left to right, one method for each rule of the grammar."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def wrong(self, what: str) -> ValueError:
        return ValueError(f"{what} at position {self.at} of the expression {self.text!r}")

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def take(self) -> str:
        """The next sign."""
        if not self.peek():
            raise self.wrong("something is missing")
        self.at += 1
        return self.text[self.at - 1]

    def skip(self, sign: str) -> bool:
        """Read ``sign`` if it comes next."""
        found = self.text.startswith(sign, self.at)
        self.at += len(sign) * found
        return found

    def choice(self) -> Pattern:
        """``a|b|c``"""
        options = [self.sequence()]
        while self.skip("|"):
            options.append(self.sequence())
        return either(options)

    def sequence(self) -> Pattern:
        """``abc``"""
        parts = []
        while self.peek() not in ("", "|", ")"):
            parts.append(self.repeated())
        return in_sequence(*parts)

    def repeated(self) -> Pattern:
        """``a``, ``a*``, ``a+``, ``a?``, ``a{3}``, ``a{3,}``, ``a{3,5}``"""
        part = self.atom()
        if self.peek() not in ("*", "+", "?", "{") or not self.peek():
            return part
        sign = self.take()
        least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(sign) or self.counts()
        if self.peek() and self.peek() in "*+?{":
            raise self.wrong(
                "repeat a repetition in brackets, as in (?:a*)?; lazy signs change nothing here:"
            )
        return repeat(part, least, most)

    def counts(self) -> tuple[int, int | None]:
        """The numbers in ``{3}``, ``{3,}``, ``{,5}``, ``{3,5}``, whose first brace was read."""
        end = self.text.find("}", self.at)
        low, comma, high = self.text[self.at : max(end, self.at)].partition(",")
        if end < 0 or not (low + high).isdecimal() or not (low + high).isascii():
            raise self.wrong("a count such as {3} or {2,5} is expected; write \\{ for a brace:")
        self.at = end + 1
        least = int(low or 0)
        return least, (int(high) if high else None) if comma else least

    def atom(self) -> Pattern:
        """A character, a class of characters, or an expression in brackets."""
        sign = self.take()
        if sign == "(":
            if not self.skip("?:") and self.peek() == "?":
                raise self.wrong("only (?:…) and (…) are known;")
            inside = self.choice()
            if not self.skip(")"):
                raise self.wrong("a ) is missing")
            return inside
        if sign == "[":
            return characters(self.bracket())
        if sign == "\\":
            return characters(self.escape())
        if sign in "^$":
            raise self.wrong(f"the whole text is matched anyway: leave {sign} out, or write \\{sign};")
        if sign in "*+?{":
            raise self.wrong(f"nothing to repeat before {sign};")
        return characters(others([(10, 10)]) if sign == "." else [(ord(sign), ord(sign))])

    def escape(self) -> Ranges:
        r"""What follows a backslash: ``\d``, ``\W``, ``\n``, ``\u4f60``, ``\.``."""
        sign = self.take()
        if sign.lower() in CHARACTER_CLASSES:
            ranges = CHARACTER_CLASSES[sign.lower()]
            return ranges if sign.islower() else others(ranges)
        if sign in CODES:
            digits = "".join(self.take() for _ in range(CODES[sign]))
            if any(digit not in "0123456789abcdefABCDEF" for digit in digits) or int(digits, 16) > LAST:
                raise self.wrong(f"\\{sign}{digits} is no character;")
            return [(int(digits, 16), int(digits, 16))]
        if sign.isascii() and sign.isalnum() and sign not in CONTROLS:
            raise self.wrong(f"\\{sign} is not known;")
        code = CONTROLS.get(sign, ord(sign))
        return [(code, code)]

    def bracket(self) -> Ranges:
        """``[abc]``, ``[a-z0-9]``, ``[^…]``, whose first bracket was read."""
        negative, ranges = self.skip("^"), []
        while not (ranges and self.skip("]")):
            low = self.member()
            if self.peek() == "-" and self.text[self.at + 1 : self.at + 2] not in ("]", ""):
                self.take()
                high = self.member()
                if len(low + high) > 2 or low[0][0] != low[0][1] or high[0][0] != high[0][1] or low > high:
                    raise self.wrong("a range goes from a character to a later one;")
                low = [(low[0][0], high[0][1])]
            ranges += low
        return others(ranges) if negative else ranges

    def member(self) -> Ranges:
        """One entry of a class in brackets."""
        sign = self.take()
        return self.escape() if sign == "\\" else [(ord(sign), ord(sign))]


def regex(expression: str) -> Pattern:
    r"""The pattern that a regular expression describes; it covers the whole text, as ``re.fullmatch`` does.

    Known are characters, ``.`` (all but a line break), ``[a-z]``, ``[^"]``, ``\d \w \s`` (ASCII, as with
    ``re.ASCII``) and their opposites, ``|``, brackets, ``* + ?`` and counts. Not known, since a machine of
    states cannot do it or need not: groups with names, references, looking around, ``^ $ \b``, lazy signs.

    Raises:
        ValueError: for anything else; it names the position.
    """
    reader = RegexReader(expression)
    pattern = reader.choice()
    if reader.peek():
        raise reader.wrong("a ) without its (")
    return pattern
