"""Faults hit the calls that they are about, and the proxy carries them out."""

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from local.workspace import Workspace
from verification.soak.faults import READS, WRITES, Call, Fault, How, Place
from verification.soak.proxy import FaultyProxy
from verification.soak.stack import free_ports

TABLES = {Place.SNAPSHOTS: "snapshots", Place.SESSIONS: "sessions", Place.LETTERS: "letters"}
READ_POINTERS = Call("DynamoDB_20120810.BatchGetItem", frozenset({"snapshots"}))
READ_SESSION = Call("DynamoDB_20120810.GetItem", frozenset({"sessions"}))
RECORD_SESSION = Call("DynamoDB_20120810.PutItem", frozenset({"sessions"}))
WRITE_SNAPSHOT = Call("DynamoDB_20120810.PutItem", frozenset({"snapshots"}))
READ_SECRET = Call("secretsmanager.GetSecretValue")
KEEP = Call("AmazonSQS.SendMessage")
KEEP_IN_TABLE = Call("DynamoDB_20120810.PutItem", frozenset({"letters"}))
PUBLISH = Call("AWSEvents.PutEvents")
ALL = (
    *(READ_POINTERS, READ_SESSION, RECORD_SESSION, WRITE_SNAPSHOT, READ_SECRET),
    *(KEEP, KEEP_IN_TABLE, PUBLISH),
)


@pytest.mark.parametrize(
    ("fault", "hit"),
    [
        (Fault(Place.SNAPSHOTS, How.FAILING), {READ_POINTERS}),
        (Fault(Place.SESSIONS, How.FAILING), {READ_SESSION, RECORD_SESSION}),
        (Fault(Place.SESSIONS, How.FAILING, READS), {READ_SESSION}),
        (Fault(Place.SESSIONS, How.FAILING, WRITES), {RECORD_SESSION}),
        (Fault(Place.SECRET, How.FAILING), {READ_SECRET}),
        (Fault(Place.QUEUE, How.FAILING), {KEEP}),
        (Fault(Place.LETTERS, How.FAILING), {KEEP_IN_TABLE}),
        (Fault(Place.BUS, How.FAILING), {PUBLISH}),
    ],
)
def test_given_a_fault_when_calls_are_made_then_it_hits_those_that_it_is_about(
    fault: Fault, hit: set[Call]
) -> None:
    assert {call for call in ALL if fault.hits(call, TABLES)} == hit


def test_given_a_fault_of_first_attempts_when_the_sdk_tries_again_then_it_goes_through() -> None:
    fault = Fault(Place.QUEUE, How.REFUSED, first_attempts=True)

    assert fault.hits(KEEP, TABLES)
    assert not fault.hits(Call(KEEP.target, attempt=2), TABLES)


def test_given_a_request_when_it_is_read_then_tables_attempt_and_decision_are_known() -> None:
    batch: dict[str, Any] = {"RequestItems": {"snapshots": {"Keys": []}}}
    headers = {"X-Amz-Target": READ_POINTERS.target, "amz-sdk-request": "attempt=2; max=2"}
    letter = {"MessageBody": json.dumps({"decision": "d1"})}

    read = Call.from_request(headers, json.dumps(batch).encode())
    kept = Call.from_request({"X-Amz-Target": KEEP.target}, json.dumps(letter).encode())

    assert (read.tables, read.attempt) == (frozenset({"snapshots"}), 2)
    assert kept.decision == "d1"


@pytest.mark.parametrize(("part", "decision"), [("000", "d1"), ("001", ""), ("room", "")])
def test_given_a_letter_in_parts_when_they_are_read_then_the_first_one_counts(
    part: str, decision: str
) -> None:
    request = {"TableName": "letters", "Item": {"letter": {"S": "d1"}, "part": {"S": part}}}

    call = Call.from_request({"X-Amz-Target": KEEP_IN_TABLE.target}, json.dumps(request).encode())

    assert (call.tables, call.decision) == (frozenset({"letters"}), decision)


class _Upstream(http.server.BaseHTTPRequestHandler):
    """Answers as DynamoDB does, that there is no such item; notes whom the caller took it for."""

    hosts: list[str]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.hosts.append(self.headers["Host"])
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def upstream() -> Iterator[tuple[int, list[str]]]:
    hosts: list[str] = []
    handler = type("Upstream", (_Upstream,), {"hosts": hosts})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server.server_port, hosts
        server.shutdown()


def test_given_a_proxy_when_faults_come_and_go_then_callers_meet_them(
    upstream: tuple[int, list[str]], tmp_path: Path
) -> None:
    port, hosts = upstream
    [proxy_port] = free_ports(1)
    client = boto3.client(
        "dynamodb",
        endpoint_url=f"http://127.0.0.1:{proxy_port}",
        config=Config(read_timeout=1, retries={"total_max_attempts": 1}),
    )

    def read() -> str:
        try:
            client.get_item(TableName="sessions", Key={"a": {"S": "b"}})
        except ClientError as error:
            return error.response["Error"]["Code"]
        except (ConnectionClosedError, ReadTimeoutError) as error:
            return type(error).__name__
        return "answered"

    with FaultyProxy(Workspace(tmp_path, port), proxy_port) as proxy:
        proxy.know_tables(TABLES)
        before = read()
        met = {}
        for how in How:
            fault = Fault(Place.SESSIONS, how)
            proxy.inject(fault)
            met[how] = read()
            proxy.lift(fault)
        after = read()

    assert (before, after) == ("answered", "answered")
    assert met == {
        How.THROTTLED: "ProvisionedThroughputExceededException",
        How.FAILING: "InternalServerError",
        How.HANGING: "ReadTimeoutError",
        How.REFUSED: "ConnectionClosedError",
        How.DENIED: "AccessDeniedException",
    }
    # The signature covers the host that the caller knows; what failed never came here.
    assert hosts == [f"127.0.0.1:{proxy_port}"] * 2
    assert proxy.hits.total() == len(How)
