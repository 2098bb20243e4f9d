"""What the decision tables of notebooks 10 and 11 have in common: a family for each task, and a reason."""

from collections.abc import Collection, Mapping


def choice_hint(
    answer: Mapping[str, tuple[str, str]],
    options: Collection[str],
    good: Mapping[str, Collection[str]],
    needs: Mapping[str, str],
) -> str | None:
    """The first thing to say about a table {task: (family, why)}; None if every family is a good one.

    ``good`` holds the families that fit a task, ``needs`` what the task needs, for the hint.
    """
    if missing := [task for task in good if task not in answer]:
        return f"the table lacks {', '.join(map(repr, missing))}"
    for task, fitting in good.items():
        family, why = answer[task]
        if family not in options:
            return f"{task}: the families are {', '.join(options)}, got {family!r}"
        if family not in fitting:
            return f"{task}: what it needs is {needs[task]}"
        if not isinstance(why, str) or len(why.split()) < 4:
            return f"{task}: say why, in a sentence of four words at least"
    return None
