"""Limits: which budgets there are, and who holds their places."""
