"""The rules, free of I/O: what a hook is, what a policy means, what WCS does with an answer.

Nothing in here imports boto3 or Powertools, reads a clock or opens a connection, so that the Lambda
functions, the command line and the tests all share it.
"""
