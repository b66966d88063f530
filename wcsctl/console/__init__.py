"""The console: a web page, served on this machine, on top of wcsctl's commands."""
