"""Programs that prove things, longer than a test."""
