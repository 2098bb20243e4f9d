"""Stop strings against a search in the whole text, for every way to cut the text into tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlm_helpers.decoding.stopping import StopReader, checked_stops
from arlm_helpers.text.bpe import BPETokenizer
from arlm_helpers.text.tokenizers import ByteTokenizer, CharTokenizer

ALPHABET = "ab\n你👩"
TOKENIZERS = {
    "characters": CharTokenizer(ALPHABET),
    "bytes": ByteTokenizer(),
    "bpe": BPETokenizer.train("ab ab aab\n\nab 你你ab 👩你 👩你", 268),
}
texts = st.text(ALPHABET, max_size=12)
stops = st.lists(st.text(ALPHABET, min_size=1, max_size=3), max_size=3)


def cut_by_hand(text, stops):
    """The text before the stop string that ends first, the longest of several; and that string."""
    found = [
        (start + len(stop), start, stop)
        for stop in stops
        for start in range(len(text))
        if text.startswith(stop, start)
    ]
    if not found:
        return text, None
    _, start, stop = min(found)
    return text[:start], stop


@pytest.mark.parametrize("name", TOKENIZERS)
@given(text=texts, stops=stops)
def test_the_text_is_cut_where_a_search_of_the_whole_text_cuts_it(name, text, stops):
    reader = StopReader(TOKENIZERS[name], stops)
    shown = "".join([reader.push(token) for token in TOKENIZERS[name].encode(text)]) + reader.flush()
    assert (shown, reader.stopped) == cut_by_hand(text, stops)


@given(text=texts, stops=stops)
def test_nothing_is_shown_that_might_be_taken_back_and_all_else_is(text, stops):
    reader, shown, read = StopReader(TOKENIZERS["characters"], stops), "", ""
    for token in TOKENIZERS["characters"].encode(text):
        shown += reader.push(token)
        read += TOKENIZERS["characters"].decode([token])
        if reader.stopped is not None:
            break
        waiting = read[len(shown) :]
        assert shown + waiting == read and not any(stop in read for stop in stops)
        endings = [read[i:] for i in range(len(read))]
        assert waiting == next((end for end in endings if any(stop.startswith(end) for stop in stops)), "")
    assert cut_by_hand(text, stops)[0].startswith(shown)


def test_a_stop_string_across_tokens_by_hand():
    reader = StopReader(TOKENIZERS["bytes"], "你\n")
    pushed = [reader.push(byte) for byte in "a你你\nb".encode()]
    assert pushed == ["a", "", "", "", "", "", "你", "", ""] and reader.stopped == "你\n"
    assert reader.flush() == ""


def test_half_a_character_at_the_end_is_shown_as_bytes():
    reader = StopReader(TOKENIZERS["bytes"], ["你好"])
    assert [reader.push(byte) for byte in "你好".encode()[:5]] == [""] * 5
    assert reader.flush() == "你⟨E5⟩⟨A5⟩"


@pytest.mark.parametrize("stop", ["", ["a", ""]])
def test_an_empty_stop_string_is_refused(stop):
    with pytest.raises(ValueError, match="stop must not hold an empty string"):
        StopReader(TOKENIZERS["bytes"], stop)


def test_what_is_no_string_is_refused():
    with pytest.raises(TypeError, match=r"stop must be a string or a list of strings, got \[3\]"):
        checked_stops([3])
