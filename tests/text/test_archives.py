"""Archives are read, never unpacked; a hostile one is refused as a whole."""

import stat
import struct
import zipfile

import pytest

from arlm_helpers.text import archives
from arlm_helpers.text.archives import read_members
from arlm_helpers.text.catalogue import DataError

PLAYS = {
    "plays/a/one.md": b"one",
    "plays/b/two.md": "二".encode(),
    "plays/list.md": b"",
    "plays/a/deep/three.md": b"",
}


def write(path, entries, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return path


def test_members_are_those_at_the_depth_of_the_pattern(tmp_path):
    archive = write(tmp_path / "a.zip", PLAYS.items())
    assert read_members(archive, ("plays/*/*.md",)) == {
        "plays/a/one.md": b"one",
        "plays/b/two.md": "二".encode(),
    }
    assert list(read_members(archive, ("plays/*.md", "plays/b/*"))) == ["plays/b/two.md", "plays/list.md"]


def test_reading_writes_nothing(tmp_path):
    archive = write(tmp_path / "a.zip", PLAYS.items())
    read_members(archive, ("plays/*/*.md",))
    assert list(tmp_path.iterdir()) == [archive]


@pytest.mark.parametrize(
    "name",
    ["../evil.md", "plays/../../evil.md", "/etc/evil.md", "C:/evil.md", "plays\\..\\evil.md", "plays/.."],
)
def test_a_path_that_leads_out_is_refused(tmp_path, name):
    archive = write(tmp_path / "a.zip", [("plays/a/one.md", b"one"), (name, b"evil")])
    with pytest.raises(DataError, match=r"refused.*path"):
        read_members(archive, ("plays/*/*.md",))


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_a_link_or_device_is_refused(tmp_path, kind):
    entry = zipfile.ZipInfo("plays/a/link.md")
    entry.external_attr = (kind | 0o777) << 16
    archive = write(tmp_path / "a.zip", [(entry, "/etc/passwd")])
    with pytest.raises(DataError, match="link or special file"):
        read_members(archive, ("plays/*/*.md",))


def test_a_name_twice_is_refused(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate"):
        archive = write(tmp_path / "a.zip", [("a.md", b"one"), ("a.md", b"two")])
    with pytest.raises(DataError, match="a name twice"):
        read_members(archive, ("*.md",))


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    archive = write(tmp_path / "a.zip", [("a.md", b"0" * 10_000_000)], zipfile.ZIP_DEFLATED)
    with pytest.raises(DataError, match="unpacked per byte packed"):
        read_members(archive, ("*.md",))


def test_too_much_in_all_is_refused(tmp_path, monkeypatch):
    archive = write(tmp_path / "a.zip", [("a.md", b"x" * 600), ("b.md", b"x" * 600)])
    monkeypatch.setattr(archives, "MAX_BYTES", 1000)
    with pytest.raises(DataError, match="1,200 bytes unpacked, at most 1,000"):
        read_members(archive, ("*.md",))
    monkeypatch.setattr(archives, "MAX_ENTRIES", 1)
    with pytest.raises(DataError, match="2 entries, at most 1"):
        read_members(archive, ("*.md",))


def test_a_size_that_lies_is_noticed(tmp_path):
    archive = write(tmp_path / "a.zip", [("a.md", b"0" * 100_000)], zipfile.ZIP_DEFLATED)
    data = archive.read_bytes()
    archive.write_bytes(data.replace(struct.pack("<L", 100_000), struct.pack("<L", 1000)))
    with pytest.raises(DataError, match="fetch again"):
        read_members(archive, ("*.md",))


@pytest.mark.parametrize(
    "damage", [lambda data: data[: len(data) // 2], lambda data: b"", lambda data: b"x" * 500]
)
def test_a_file_that_is_no_archive_is_named(tmp_path, damage):
    archive = write(tmp_path / "a.zip", PLAYS.items())
    archive.write_bytes(damage(archive.read_bytes()))
    with pytest.raises(DataError, match=r"a\.zip is not a readable zip archive.*fetch again"):
        read_members(archive, ("plays/*/*.md",))


def test_content_that_was_altered_fails_its_checksum(tmp_path):
    archive = write(tmp_path / "a.zip", PLAYS.items())
    archive.write_bytes(archive.read_bytes().replace(b"mdone", b"mdtwo"))
    with pytest.raises(DataError, match="CRC"):
        read_members(archive, ("plays/*/*.md",))


def test_a_pattern_without_files_is_named(tmp_path):
    archive = write(tmp_path / "a.zip", PLAYS.items())
    with pytest.raises(DataError, match=r"'poems/\*'"):
        read_members(archive, ("plays/*.md", "poems/*"))
