"""How large the Shakespeare corpus is: the table of ``data/README.md``.

Command line: ``python -m arlm_helpers.text.corpus_table`` prints it.
"""

from arlm_helpers.text.archives import read_members
from arlm_helpers.text.catalogue import find_dataset
from arlm_helpers.text.data import load_corpus
from arlm_helpers.text.fetch import stored
from arlm_helpers.text.shakespeare import plays_of_parts

HEADER = "| part | plays | speeches | lines | words | characters | distinct characters |"


def count_text(text: str) -> tuple[int, int, int, int, int]:
    """Speeches, lines of speech, words (whatever stands between blanks, names included), characters, and
    distinct characters of a text in the form ``NAME:``, speech, blank line."""
    n_speeches = text.count("\n\n")
    n_lines = sum(1 for line in text.splitlines() if line) - n_speeches
    return n_speeches, n_lines, len(text.split()), len(text), len(set(text))


def shakespeare_table() -> str:
    """The table as Markdown: a row per part and one for all."""
    dataset = find_dataset("shakespeare")
    plays = [len(files) for files in plays_of_parts(read_members(stored(dataset), dataset.members))]
    corpus = load_corpus("shakespeare")
    texts = {"train": corpus.train, "validation": corpus.validation, "test": corpus.test, "all": corpus.text}
    rows = [HEADER, "| --- |" + " ---: |" * 6]
    for (part, text), n_plays in zip(texts.items(), [*plays, sum(plays)], strict=True):
        rows.append(
            f"| {part} | {n_plays} | " + " | ".join(f"{count:,}" for count in count_text(text)) + " |"
        )
    return "\n".join(rows)


if __name__ == "__main__":
    print(shakespeare_table())
