"""Arithmetic on the deployed stack: what a million hooks cost, and which AWS quota comes first."""
