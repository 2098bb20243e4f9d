"""One file per question; each prints a table, with ``--json`` and ``--quick``."""
