"""Policies on the operator's side: files, table, tests, history, and their application."""
