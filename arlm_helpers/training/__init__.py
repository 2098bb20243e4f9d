"""Losses, and what lowers them."""
