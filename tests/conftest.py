"""Shape checks on the package, and repeatable property tests."""

from hypothesis import settings
from jaxtyping import install_import_hook

# Every annotation of the package is checked at every call; before anything imports the package.
install_import_hook("arlm_helpers", "typechecker.checked")

settings.register_profile("course", derandomize=True, deadline=None, max_examples=50, database=None)
settings.load_profile("course")
