"""Tests of policies: what is expected of hooks, in files next to the policies."""
