"""Expressions in the Common Expression Language."""
