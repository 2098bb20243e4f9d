"""Which notebooks cannot run here, since they need a data set that is optional and was not fetched."""

import json
from pathlib import Path

from arlm_helpers.text.catalogue import datasets
from arlm_helpers.text.fetch import is_stored


def missing_data(path: Path) -> str | None:
    """What a notebook needs that is not here, in a line with the way out; None if it can run.

    An optional data set NAME is needed by the notebooks that call ``load_NAME`` or ``NAME_path``.
    """
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    for dataset in datasets().values():
        calls = f"load_{dataset.name}(", f"{dataset.name}_path("
        if dataset.optional and any(call in code for call in calls) and not is_stored(dataset):
            command = f"python -m arlm_helpers.text.data fetch {dataset.name}"
            return f"needs {dataset.name}, which is not here or damaged; `{command}` fetches it"
    return None
