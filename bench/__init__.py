"""The benchmark: the packaged functions against a no-op baseline and a Powertools baseline."""
