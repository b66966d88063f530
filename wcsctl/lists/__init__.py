"""Lists: the rows that policies look up, and bans among them."""
