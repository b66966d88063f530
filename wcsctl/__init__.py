"""wcsctl: the operator's command line, on a deployment in AWS or on the local one."""
