"""A large member is unpacked once, whole and checked, or not at all."""

import errno
import hashlib
import shutil
import zipfile
from dataclasses import replace

import pytest

from arlm_helpers.text import unpacking
from arlm_helpers.text.catalogue import DataError, Dataset
from arlm_helpers.text.unpacking import unpacked

CONTENT = bytes(range(256)) * 9000  # more than one piece


@pytest.fixture
def dataset(tmp_path, monkeypatch):
    """A fetched archive with one large member."""
    monkeypatch.setenv("ARLM_DATA", str(tmp_path))
    (tmp_path / "cache").mkdir()
    archive = tmp_path / "cache" / "big-1.0-py3-none-any.whl"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("big/weights.bin", CONTENT)
        opened.writestr("big/__init__.py", "")
    data = archive.read_bytes()
    return Dataset(
        name="big", about="", package="big", version="1.0", file=archive.name, size=len(data),
        sha256=hashlib.sha256(data).hexdigest(), licence="", members=("big/weights.bin",),
        unpacked_sha256=hashlib.sha256(CONTENT).hexdigest(),
    )  # fmt: skip


def test_the_member_lies_beside_the_archive_and_is_not_unpacked_again(dataset, tmp_path, monkeypatch):
    path = unpacked(dataset)
    assert path == tmp_path / "cache" / "weights.bin" and path.read_bytes() == CONTENT
    assert sorted(file.name for file in path.parent.iterdir()) == [dataset.file, "weights.bin"]
    monkeypatch.setattr(unpacking, "unpack", lambda *_: pytest.fail("it is there"))
    assert unpacked(dataset) == path


def test_a_damaged_copy_is_replaced(dataset):
    path = unpacked(dataset)
    path.write_bytes(CONTENT[:-1])
    assert unpacked(dataset).read_bytes() == CONTENT


def test_another_member_than_promised_is_refused(dataset):
    wrong = replace(dataset, unpacked_sha256="0" * 64)
    with pytest.raises(DataError, match=r"weights\.bin in .* is not the promised file"):
        unpacked(wrong)
    with pytest.raises(DataError, match="one member and its unpacked_sha256"):
        unpacked(replace(dataset, members=("big/*",), unpacked_sha256=""))


def test_without_the_archive_the_command_is_named(dataset, tmp_path):
    shutil.rmtree(tmp_path / "cache")
    with pytest.raises(DataError, match=r"python -m arlm_helpers\.text\.data fetch big"):
        unpacked(dataset)


def test_a_full_disk_leaves_nothing_behind(dataset, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(unpacking.os, "replace", full)
    with pytest.raises(DataError, match="disk is full"):
        unpacked(dataset)
    assert [file.name for file in (tmp_path / "cache").iterdir()] == [dataset.file]
