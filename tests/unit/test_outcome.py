"""What WCS does on an interaction error: the vendor's table, cell by cell."""

import pytest

from wcs_hooks.core.methods import METHODS, Category
from wcs_hooks.core.outcome import Outcome, RestOnError, outcome_of


@pytest.mark.parametrize(
    ("method", "rest_on_error", "outcome"),
    [
        ("connect", RestOnError.FAIL, Outcome.DECLINED),
        ("connect", RestOnError.LOG, Outcome.DECLINED),
        ("publishStream", RestOnError.FAIL, Outcome.ABORTED),
        ("publishStream", RestOnError.LOG, Outcome.CONTINUED),
        ("StreamStatusEvent", RestOnError.FAIL, Outcome.ERROR_EVENT),
        ("StreamStatusEvent", RestOnError.LOG, Outcome.CONTINUED),
        ("StreamKeepAliveEvent", RestOnError.FAIL, Outcome.STREAM_ENDED),
        ("StreamKeepAliveEvent", RestOnError.LOG, Outcome.CONTINUED),
        ("OnCallEvent", RestOnError.FAIL, Outcome.ABORTED),
        ("OnCallEvent", RestOnError.LOG, Outcome.CONTINUED),
    ],
)
def test_given_a_method_and_its_rest_on_error_when_refused_then_wcs_does_as_the_table_says(
    method: str, rest_on_error: RestOnError, outcome: Outcome
) -> None:
    assert outcome_of(method, METHODS[method].category, rest_on_error) is outcome


def test_given_a_method_that_is_not_known_when_refused_under_fail_then_it_counts_as_an_event() -> (
    None
):
    assert outcome_of("newEvent", Category.EVENT, RestOnError.FAIL) is Outcome.ERROR_EVENT
