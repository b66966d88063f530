"""The commands, one module for each of the groups that `wcsctl --help` lists."""
