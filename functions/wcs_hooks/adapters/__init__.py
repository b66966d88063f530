"""The core's ports, implemented on AWS services."""
