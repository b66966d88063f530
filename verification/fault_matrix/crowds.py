"""Trials of many functions at once."""

import threading
import time
from collections import Counter
from types import SimpleNamespace
from typing import Any, Final

from tests.support.hook_client import gateway_event, read_output, signature
from verification.fault_matrix.in_process import APP, SESSION, LocalScene
from verification.fault_matrix.row import LocalTrial
from verification.fault_matrix.scene import CONNECT, Hook, Observed
from wcs_hooks.core.methods import METHODS

CROWD: Final = 200


def cold_starts(hook: Hook, *calls: str) -> LocalTrial:
    """As many functions as there are in the crowd, each with its first hook, all at once.

    Parameters
    ----------
    calls
        What each of them asks of AWS, and not once more.
    """

    def trial(scene: LocalScene) -> Observed:
        if hook is not CONNECT:
            scene.connect()
        category = METHODS[hook.method].category
        handlers = [scene.functions()._handler(category) for _ in range(CROWD)]
        scene.screen.readouterr()
        responses, slowest = _at_once(handlers, hook)
        metrics, log = read_output(scene.screen.readouterr().out)
        assert Counter(scene.wire.calls) == dict.fromkeys(calls, CROWD)
        assert len(scene.wire.attempts) == len(calls) * CROWD
        [status] = {response["statusCode"] for response in responses}
        assert len({response["headers"]["X-Decision-Id"] for response in responses}) == CROWD
        error_outcomes = {
            (line["restOnError"], line["outcome"]) for line in metrics if "outcome" in line
        }
        return Observed(
            status=status,
            counted=frozenset(
                metric["Name"]
                for line in metrics
                for directive in line["_aws"]["CloudWatchMetrics"]
                for metric in directive["Metrics"]
            ),
            levels=tuple({str(line["level"]) for line in log}),
            letters=tuple(scene.aws.dead_letters()),
            error_outcome=error_outcomes.pop() if error_outcomes else None,
            seconds=slowest,
        )

    return trial


def _at_once(handlers: list[Any], hook: Hook) -> tuple[list[dict[str, Any]], float]:
    """The responses, and the longest time that one of them took, in seconds."""
    together = threading.Barrier(len(handlers))
    responses: list[dict[str, Any]] = []
    times: list[float] = []

    def work(number: int, handler: Any) -> None:
        body = hook.body(APP, f"{SESSION}-{number}" if hook is CONNECT else SESSION)
        event = gateway_event(hook.method, body, signature(body), "192.0.2.7")
        together.wait()
        began = time.perf_counter()
        response = handler(event, SimpleNamespace(aws_request_id=f"crowd-{number}"))
        times.append(time.perf_counter() - began)
        responses.append(response)

    threads = [
        threading.Thread(target=work, args=(number, handler))
        for number, handler in enumerate(handlers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(responses) == len(handlers)
    return responses, max(times)
