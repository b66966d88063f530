"""Tokens: who a client proved to be.

Two forms are read. JSON Web Tokens (RFC 7519, signed: RFC 7515) come from the operator's issuer;
signed stream keys are short enough for the addresses of encoders and players. Nothing in here
fetches a key, reads a clock or keeps a secret: all that a verification needs is handed in.
"""
