"""Every row of the matrix: the reply and its time, the metrics, the log, the dead letter."""

from typing import Final

import pytest

from tests.support.faulty_aws import FaultyAws
from verification.fault_matrix.matrix import MATRIX
from verification.fault_matrix.row import Area, Row, differences
from verification.fault_matrix.running import run

_LOADED_MACHINE: Final = 1.0
"""Seconds that a reply may be late here: threads wait for a core when the machine is loaded. That
the waits add up to `replyTimeout` at the most is shown to the millisecond in `test_time_budget.py`.
"""


@pytest.mark.parametrize("row", [row for row in MATRIX if row.trial], ids=lambda row: row.name)
def test_given_a_fault_when_it_strikes_then_what_comes_of_it_is_what_the_matrix_says(
    row: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    not_waited = [0.0]

    def hang_for_a_tenth(wire: FaultyAws, seconds: float) -> None:
        not_waited.append(seconds * 0.9)
        wire._over.wait(seconds / 10)

    if row.area is Area.COMPILER:
        # Only its calls have a timeout, of whole seconds.
        monkeypatch.setattr(FaultyAws, "hang", hang_for_a_tenth)

    observed = run(row)

    assert differences(row.expected, observed) == []
    assert observed.seconds + sum(not_waited) <= row.reply_timeout + _LOADED_MACHINE
