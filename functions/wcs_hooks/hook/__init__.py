"""The way of a hook: who calls, what is answered, what else is done for it."""
