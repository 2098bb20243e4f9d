"""Exercises that check themselves, one module per notebook; ``core`` says how to write one."""

from arlm_helpers.reading.checks.core import REGISTRY, Verdict, check

__all__ = ["REGISTRY", "Verdict", "check"]
