"""Streaming shows the same text as decoding at once, and shows it as early as it can."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arlm_helpers.text.bpe import BPETokenizer
from arlm_helpers.text.streaming import StreamingDecoder
from arlm_helpers.text.tokenizers import ByteTokenizer, CharTokenizer

BYTES = ByteTokenizer(specials=("<|endoftext|>",))
BPE = BPETokenizer.train("你好你好 to be or not 👩‍👩‍👧👩‍👩‍👧 ñandú", 300, specials=("<|endoftext|>",))
PIECES = [
    b"\xe4",
    b"\xbd",
    b"\xa0",
    b"\xf0\x9f",
    b"\x91\xa9",
    b"\xed\xa0\x80",
    b"\xc0",
    b"\xf4\x90",
    b"a",
    b"\xe0\x80",
]
awkward_bytes = st.binary() | st.lists(st.sampled_from(PIECES)).map(b"".join) | st.text().map(str.encode)


@pytest.fixture(scope="module")
def beginnings() -> set[bytes]:
    """All proper beginnings of all characters of UTF-8."""
    points = [*range(0x80, 0xD800), *range(0xE000, 0x110000)]
    return {data[:n] for data in (chr(point).encode() for point in points) for n in range(1, len(data))}


def test_a_character_waits_for_its_last_byte():
    stream = StreamingDecoder(BYTES)
    assert [stream.push(byte) for byte in "A你!".encode()] == ["A", "", "", "你", "!"]
    assert stream.flush() == ""


def test_bytes_that_cannot_become_a_character_come_out_at_once():
    stream = StreamingDecoder(BYTES)
    assert [stream.push(byte) for byte in b"\xff\xe4\xbdA\xe0\x80"] == [
        "⟨FF⟩",
        "",
        "",
        "⟨E4⟩⟨BD⟩A",
        "",
        "⟨E0⟩⟨80⟩",
    ]


def test_flush_shows_what_waits_and_starts_afresh():
    stream = StreamingDecoder(BYTES)
    assert [stream.push(0xE4), stream.push(0xBD), stream.flush(), stream.flush()] == ["", "", "⟨E4⟩⟨BD⟩", ""]
    assert stream.push(0xA0) == "⟨A0⟩"


def test_a_special_token_ends_an_unfinished_character():
    stream = StreamingDecoder(BYTES)
    assert [stream.push(0xE4), stream.push(256)] == ["", "⟨E4⟩<|endoftext|>"]


def test_characters_come_out_one_by_one():
    stream = StreamingDecoder(CharTokenizer("a你"))
    assert [stream.push(1), stream.push(0), stream.flush()] == ["你", "a", ""]


@given(st.lists(st.integers(0, BPE.vocab_size - 1)))
def test_for_any_ids_the_parts_joined_are_the_whole(ids):
    for tokenizer in (BYTES, BPE):
        ids_of_it = [token_id % tokenizer.vocab_size for token_id in ids]
        stream = StreamingDecoder(tokenizer)
        shown = "".join([stream.push(token_id) for token_id in ids_of_it]) + stream.flush()
        assert shown == tokenizer.decode(ids_of_it)
        assert "\ufffd" not in shown or "\ufffd".encode() in tokenizer.decode_bytes(ids_of_it)


@given(st.text(), st.sampled_from([BYTES, BPE]))
def test_every_part_of_a_text_is_whole_characters_of_it(text, tokenizer):
    stream, shown = StreamingDecoder(tokenizer), ""
    for token_id in tokenizer.encode(text):
        shown += stream.push(token_id)
        assert text.startswith(shown)
    assert shown == text
    assert stream.flush() == ""


@settings(max_examples=300)
@given(awkward_bytes)
def test_only_the_beginning_of_a_character_waits(beginnings, data):
    stream = StreamingDecoder(BYTES)
    shown = "".join([stream.push(byte) for byte in data])
    waiting = max((data[-n:] for n in (1, 2, 3) if data[-n:] in beginnings), key=len, default=b"")
    assert shown == BYTES.decode(data[: len(data) - len(waiting)])
    assert stream.flush() == "".join(f"⟨{byte:02X}⟩" for byte in waiting)


def test_a_wrong_id_leaves_the_stream_as_it_was():
    stream = StreamingDecoder(BYTES)
    stream.push(0xE4)
    with pytest.raises(ValueError, match="257"):
        stream.push(257)
    assert stream.push(0xBD) + stream.push(0xA0) == "你"
