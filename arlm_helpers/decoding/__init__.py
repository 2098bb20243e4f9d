"""Consumers of ``model(ids, cache)``: sampling, evaluation, compression."""
