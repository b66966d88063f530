"""Policy engines, each given the same rules in its own language."""
