"""The console: a page, served on this machine, that shows and does what wcsctl's commands do."""
