"""The error that the core shares with the adapters."""


class UnavailableError(Exception):
    """Something that is needed to answer could not be read or written in time.

    The reply is 503. The message says what does not answer.
    """
