"""Tokens: what commands know of keys, and what tests and trials take for known of a token."""
