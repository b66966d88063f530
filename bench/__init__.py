"""The benchmark: the packaged functions against the floor and against the documented way."""
