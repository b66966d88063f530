"""Hashes that identify sessions and people: only a holder of the secret can compute them."""

import hashlib
from functools import lru_cache
from typing import Final

_DIGEST_BYTES: Final = 8


def keyed_hash(text: str, secret: str) -> str:
    """The hash of a text, in hexadecimal, 16 digits.

    Parameters
    ----------
    secret
        Not empty.

    Examples
    --------
    >>> keyed_hash("anna", "secret")
    '91f7958aafe898d0'
    """
    data = text.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, key=_key(secret), digest_size=_DIGEST_BYTES).hexdigest()


@lru_cache(maxsize=4)
def _key(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
