"""What a cold start does without: collections of garbage, while there is none."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collections() -> Iterator[None]:
    """Keep the garbage collector from looking at what is being loaded, then and later on.

    Loading makes many objects and lets go of few: one part in fourteen of what a cold start costs
    beyond Python itself was collections that found nothing. What was loaded stays for as long as
    the process, so that no later collection need visit it either.
    """
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()
