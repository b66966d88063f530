"""The console's gate: what other pages, other programs and other users of the machine try."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from wcsctl.console.browser import open_browser
from wcsctl.console.gate import HEADERS, KEY, MAX_BODY_BYTES, Gate

_PORT: Final = 40_123
_HOST: Final = f"127.0.0.1:{_PORT}"
_ORIGIN: Final = f"http://{_HOST}"
_TEXT: Final = {"Content-Type": "text/plain"}
_OURS: Final = {"Origin": _ORIGIN, "Content-Type": "application/json"}


def _without(name: str) -> dict[str, str]:
    return {key: value for key, value in _OURS.items() if key != name}


@dataclass
class Secrets:
    """An application with something to hide."""

    seen: int = 0
    last_body: bytes = b""

    async def __call__(self, request: Request) -> Response:
        self.seen += 1
        self.last_body = await request.body()
        return JSONResponse({"secret": "s3cret"})


@pytest.fixture
def secrets() -> Secrets:
    return Secrets()


@pytest.fixture
def now() -> list[float]:
    return [0.0]


@pytest.fixture
def gate(secrets: Secrets, now: list[float]) -> Gate:
    paths = ("/", "/api/secret", "/{path:path}")
    methods = ["GET", "POST", "PUT", "DELETE", "OPTIONS"]
    routes = [Route(path, secrets.__call__, methods=methods) for path in paths]
    return Gate(Starlette(routes=routes), _PORT, clock=lambda: now[0])


@pytest.fixture
def stranger(gate: Gate) -> TestClient:
    """A client that knows the address, but not the token."""
    return TestClient(gate, base_url=_ORIGIN)


@pytest.fixture
def page(gate: Gate, stranger: TestClient) -> TestClient:
    """The console's own page, logged in."""
    response = stranger.post("/login", headers=_OURS, json={"token": gate.token})
    assert response.status_code == 200
    stranger.headers[KEY] = response.json()["key"]
    return stranger


_READS: Final[Mapping[str, tuple[int, dict[str, Any]]]] = {
    "a name that DNS rebinding made to mean 127.0.0.1": (421, {"Host": f"evil.example:{_PORT}"}),
    "the right name with another port": (421, {"Host": "127.0.0.1:80"}),
    "the right name without a port": (421, {"Host": "127.0.0.1"}),
    "a name that begins with ours": (421, {"Host": f"127.0.0.1.evil.example:{_PORT}"}),
    "a name with a dot at its end": (421, {"Host": f"localhost.:{_PORT}"}),
    "another address of loopback": (421, {"Host": f"[::1]:{_PORT}"}),
    "two names": (421, {"Host": f"{_HOST}, evil.example"}),
    "no name": (421, {"Host": ""}),
    "a script of another page": (403, {"Origin": "https://evil.example"}),
    "a page in a sandbox": (403, {"Origin": "null"}),
    "a page of another port": (403, {"Origin": "http://127.0.0.1:8080"}),
    "our address with TLS": (403, {"Origin": f"https://{_HOST}"}),
    "an image of another page": (
        403,
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    ),
    "a page of the same host, another port": (403, {"Sec-Fetch-Site": "same-site"}),
    "a link of another page to what only the page may ask": (
        403,
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    ),
}

_WRITES: Final[Mapping[str, tuple[int, dict[str, Any]]]] = {
    "a form of another page": (
        403,
        {"Origin": "https://evil.example", "Content-Type": "application/x-www-form-urlencoded"},
    ),
    "a form without an origin": (403, {"Content-Type": "application/x-www-form-urlencoded"}),
    "JSON from another page": (403, _OURS | {"Origin": "https://evil.example"}),
    "JSON from no page": (403, _without("Origin")),
    "JSON as text, which needs no preflight": (415, _OURS | _TEXT),
    "JSON with a parameter that hides a form": (
        415,
        _OURS | {"Content-Type": "text/plain; x=application/json"},
    ),
    "no content type": (415, _OURS | {"Content-Type": ""}),
    "a page of the same host": (403, _OURS | {"Sec-Fetch-Site": "same-site"}),
    "an address that somebody typed": (403, _OURS | {"Sec-Fetch-Site": "none"}),
    "a name that was rebound, with its own origin": (
        421,
        _OURS | {"Host": f"evil.example:{_PORT}", "Origin": f"http://evil.example:{_PORT}"},
    ),
}


@pytest.mark.parametrize(("status", "headers"), _READS.values(), ids=_READS)
def test_given_a_logged_in_page_when_something_else_reads_then_it_is_refused(
    page: TestClient, secrets: Secrets, status: int, headers: dict[str, str]
) -> None:
    response = page.get("/api/secret", headers=headers)

    assert (response.status_code, secrets.seen) == (status, 0)
    assert "s3cret" not in response.text


@pytest.mark.parametrize(("status", "headers"), _WRITES.values(), ids=_WRITES)
def test_given_a_logged_in_page_when_something_else_writes_then_it_is_refused(
    page: TestClient, secrets: Secrets, status: int, headers: dict[str, str]
) -> None:
    response = page.post("/api/secret", headers=headers, content=b"{}")

    assert (response.status_code, secrets.seen) == (status, 0)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT"])
def test_given_a_logged_in_page_when_another_method_is_used_then_it_is_refused(
    page: TestClient, secrets: Secrets, method: str
) -> None:
    assert page.request(method, "/api/secret", headers=_OURS).status_code == 405
    assert secrets.seen == 0


@pytest.mark.parametrize("name", ["Origin", "Sec-Fetch-Site", "none"])
def test_given_no_cookie_when_anything_is_read_or_written_then_it_is_refused(
    stranger: TestClient, secrets: Secrets, name: str
) -> None:
    ours = {"Origin": {"Origin": _ORIGIN}, "Sec-Fetch-Site": {name: "same-origin"}}.get(name, {})

    assert stranger.get("/api/secret", headers=ours).status_code == 401
    assert stranger.post("/api/secret", headers=_OURS, json={}).status_code == 401
    assert secrets.seen == 0


@pytest.mark.parametrize("token", ["", "x", None, 1, ["x"], "é\ud800"])
def test_given_a_wrong_token_when_somebody_logs_in_then_there_is_no_cookie(
    stranger: TestClient, token: object
) -> None:
    body = json.dumps({"token": token}).encode()
    response = stranger.post("/login", headers=_OURS, content=body)

    assert (response.status_code, dict(response.cookies)) == (401, {})


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'{"token"', b"\xff", b"[" * 100_000])
def test_given_a_body_that_is_no_login_when_somebody_logs_in_then_it_is_refused(
    stranger: TestClient, body: bytes
) -> None:
    assert stranger.post("/login", headers=_OURS, content=body).status_code == 401


def test_given_the_token_in_the_address_when_it_is_read_then_it_is_no_login(
    gate: Gate, stranger: TestClient
) -> None:
    assert stranger.get(f"/login?token={gate.token}").status_code == 405
    assert stranger.get(f"/api/secret?token={gate.token}").status_code == 401


def test_given_a_cookie_of_another_console_when_something_is_read_then_it_is_refused(
    gate: Gate, page: TestClient, secrets: Secrets
) -> None:
    cookie = page.cookies[gate.cookie_name]
    other = Gate(gate.app, _PORT)

    client = TestClient(other, base_url=_ORIGIN, cookies={other.cookie_name: cookie})
    client.headers[KEY] = page.headers[KEY]

    assert client.get("/api/secret").status_code == 401
    assert secrets.seen == 0


def test_given_other_users_when_the_browser_is_started_then_its_command_line_has_no_token(
    gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("webbrowser.open", started.append)
    monkeypatch.setenv("DISPLAY", ":0")

    open_browser(f"{_ORIGIN}/#token={gate.token}")

    [file] = tmp_path.iterdir()
    assert started == [file.as_uri()]
    assert file.stat().st_mode & 0o077 == 0
    assert f"{_ORIGIN}/#token={gate.token}" in file.read_text()


def test_given_no_screen_when_the_console_starts_then_no_browser_takes_the_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("webbrowser.open", pytest.fail)

    assert not open_browser(_ORIGIN)


@pytest.mark.parametrize("key", ["", "x"])
def test_given_a_cookie_that_the_browser_sent_to_another_port_when_it_is_used_then_it_is_refused(
    page: TestClient, secrets: Secrets, key: str
) -> None:
    page.headers[KEY] = key

    assert page.get("/api/secret", params={"key": key}).status_code == 401
    assert page.post("/api/secret", headers=_OURS, json={}).status_code == 401
    assert secrets.seen == 0


def test_given_server_sent_events_when_they_are_asked_for_then_the_key_is_in_the_query(
    page: TestClient,
) -> None:
    key = page.headers.pop(KEY)

    assert page.get("/api/secret", params={"key": key}).status_code == 200


def test_given_a_login_when_it_is_answered_then_no_script_and_no_other_site_gets_the_cookie(
    gate: Gate, stranger: TestClient
) -> None:
    response = stranger.post("/login", headers=_OURS, json={"token": gate.token})

    cookie = response.headers["Set-Cookie"]
    assert cookie.startswith(f"wcsctl-console-{_PORT}=")
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    assert gate.token not in cookie
    assert not re.search("Domain|Max-Age|expires", cookie)


def test_given_the_page_when_it_reads_and_writes_then_it_is_let_in_with_its_body(
    page: TestClient, secrets: Secrets
) -> None:
    read = page.get("/api/secret", headers={"Sec-Fetch-Site": "same-origin"})
    written = page.post("/api/secret", headers=_OURS, content=b'{"a": 1}')

    assert (read.status_code, written.status_code) == (200, 200)
    assert secrets.last_body == b'{"a": 1}'


@pytest.mark.parametrize("host", [_HOST, f"localhost:{_PORT}"])
def test_given_a_link_in_a_web_mail_when_it_is_followed_then_the_page_itself_opens(
    stranger: TestClient, host: str
) -> None:
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Host": host}

    assert stranger.get("/", headers=followed).status_code == 200


def test_given_a_body_without_end_when_it_is_sent_then_it_is_cut_off(
    page: TestClient, secrets: Secrets
) -> None:
    body = b" " * (MAX_BODY_BYTES + 1)

    assert page.post("/api/secret", headers=_OURS, content=body).status_code == 413
    assert secrets.seen == 0


@pytest.mark.parametrize("path", ["/", "/api/secret", "/login", "/nothing"])
def test_given_any_answer_when_it_is_sent_then_it_forbids_frames_scripts_and_caches(
    stranger: TestClient, path: str
) -> None:
    headers = stranger.get(path).headers

    assert {name: headers[name] for name in HEADERS} == dict(HEADERS)
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"


def test_given_refused_requests_when_time_goes_by_then_only_those_let_in_count_as_use(
    gate: Gate, page: TestClient, now: list[float]
) -> None:
    now[0] = 100.0
    page.get("/api/secret", headers={"Host": "evil.example"})
    refused = gate.used_at
    page.get("/api/secret")

    assert (refused, gate.used_at) == (0.0, 100.0)
