"""Runs a row in this process."""

from tests.fault_matrix.in_process import LocalScene
from tests.fault_matrix.row import Row
from tests.fault_matrix.scene import Observed


def run(row: Row) -> Observed:
    """Make a row's fault happen, and observe."""
    assert row.trial is not None
    with LocalScene.set_up(row.reply_timeout) as scene:
        return row.trial(scene)
