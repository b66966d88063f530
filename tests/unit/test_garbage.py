"""What a cold start does with the garbage collector."""

import gc

import pytest

from wcs_hooks.handlers.garbage import no_collections


def test_given_a_cold_start_when_it_is_over_then_what_it_loaded_is_not_collected_again() -> None:
    before = gc.get_freeze_count()
    try:
        with no_collections():
            assert not gc.isenabled()
            loaded: list[list[int]] = [[] for _ in range(100)]

        assert gc.isenabled()
        assert gc.get_freeze_count() >= before + len(loaded)
    finally:
        gc.unfreeze()


def test_given_a_cold_start_when_it_fails_then_garbage_is_collected_again() -> None:
    with pytest.raises(LookupError), no_collections():
        raise LookupError

    assert gc.isenabled()
