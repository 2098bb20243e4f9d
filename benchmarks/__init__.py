"""Benchmarks: one file per question, each prints a table; ours beside a peer, in one run, as ratios."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # NumPy's own threads; it looks before it is imported
