"""Shows on a deployment that what the stack relies on holds there."""
