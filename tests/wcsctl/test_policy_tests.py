"""`wcsctl policy test`: the files next to policies, what they expect, and what no test reaches."""

import json
import os
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner, Result

from wcs_hooks.core.payload import encode
from wcsctl import cli
from wcsctl.deployed_process import DeployedProcess
from wcsctl.policies.testing.reading import PolicyTestFileError, read_tests

_POLICIES = """
- {id: teachers-only, method: publishStream, action: deny, when: session.custom.role != 'teacher',
   reason: Only teachers publish.}
- {id: real-name, method: playStream, action: override, compute: {name: "'real-' + body.name"}}
- {id: shadowed, method: call, action: deny, mode: shadow}
- {id: keep-name, method: StreamStatusEvent, action: configure, clientExclude: name}
"""
_PUPIL = """
- name: A pupil may not publish
  hook: {method: publishStream, body: {name: prank}}
  session: {custom: {role: pupil, token: t-1}}
  expect: {action: deny, status: 403, reason: Only teachers publish., policy: teachers-only,
           outcome: aborted, suppressed: false}
"""


def _directory(
    tmp_path: Path, tests: str, policies: str = _POLICIES, folder: str = "school"
) -> Path:
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "policies.yaml").write_text(policies)
    (tmp_path / folder / "school.test.yaml").write_text(tests)
    return tmp_path


def _run(*words: str) -> Result:
    return CliRunner().invoke(cli.app, ["policy", "test", *words])


def _json(directory: Path, status: int = 0) -> Any:
    result = CliRunner().invoke(cli.app, ["--json", "policy", "test", str(directory)])
    assert result.exit_code == status, (result.output, result.exception)
    return json.loads(result.stdout)


def _differences(directory: Path) -> list[str]:
    [test] = _json(directory, status=1)["tests"]
    assert not test["passed"]
    differences: list[str] = test["differences"]
    return differences


def test_given_a_denial_as_expected_then_the_test_passes_and_the_others_are_unreached(
    tmp_path: Path,
) -> None:
    said = _json(_directory(tmp_path, _PUPIL))

    assert said["ok"]
    assert said["tests"][0]["policies"] == ["school/teachers-only"]
    assert said["unreached"] == ["school/keep-name", "school/real-name", "school/shadowed"]


def test_given_an_unreached_policy_when_strict_then_it_fails_and_names_it(tmp_path: Path) -> None:
    directory = str(_directory(tmp_path, _PUPIL))

    assert _run(directory).exit_code == 0
    strict = _run(directory, "--strict")

    assert strict.exit_code == 1
    assert "school/real-name" in strict.output


def test_given_every_policy_is_reached_when_strict_then_it_passes(tmp_path: Path) -> None:
    tests = f"""{_PUPIL}
- name: The real name is played
  hook: {{method: playStream, body: {{name: news}}}}
  expect: {{action: override, fields: {{name: real-news}}}}
- name: Calls would be refused
  hook: {{method: call, body: {{}}}}
  expect: {{action: echo, shadow: [shadowed]}}
- name: Viewers do not see names
  hook: {{method: connect, body: {{}}}}
  expect: {{action: echo, restClientConfig: {{StreamStatusEvent: {{clientExclude: name}}, call: }}}}
"""
    result = _run(str(_directory(tmp_path, tests)), "--strict")

    assert result.exit_code == 0, result.output
    assert "4 passed, 0 failed; 4 of 4 policies reached" in result.output


def test_given_an_unknown_session_then_a_denial_is_suppressed_and_the_difference_says_so(
    tmp_path: Path,
) -> None:
    tests = """
name: The REST API may publish
hook: {method: publishStream, body: {name: prank}}
expect: {action: deny, status: 403}
"""
    first, second = _differences(_directory(tmp_path, tests))

    assert first.startswith("action: expected deny, but it is echo by school/teachers-only")
    assert "session is unknown" in first
    assert second == "status: expected 403, but it is 200"


@pytest.mark.parametrize(
    ("expect", "difference"),
    [
        ("action: echo", "action: expected echo, but it is override by school/real-name"),
        (
            "action: override, fields: {name: x}",
            'fields.name: expected "x", but it is "real-news"',
        ),
        (
            "action: override, fields: {name: real-news, record: true}",
            "fields.record: expected true, but it is not changed",
        ),
        (
            "action: override, fields: {}",
            'fields.name: expected no change, but it is "real-news"',
        ),
        ("action: override, policy: other", "policy: expected other, but it is school/real-name"),
        ("action: override, shadow: [a]", "shadow: expected a, but it is none"),
    ],
)
def test_given_an_answer_that_is_not_expected_then_the_difference_is_told(
    tmp_path: Path, expect: str, difference: str
) -> None:
    tests = f"""
name: a
hook: {{method: playStream, body: {{name: news}}}}
expect: {{{expect}}}
"""
    assert _differences(_directory(tmp_path, tests)) == [difference]


@pytest.mark.parametrize(
    ("config", "difference"),
    [
        (
            "{playStream: {restPolicy: NOTIFY}}",
            'restClientConfig.playStream.restPolicy: expected "NOTIFY", but it is "OVERWRITE"',
        ),
        (
            "{hangup: {restOnError: FAIL}}",
            'restClientConfig.hangup: expected {"restOnError":"FAIL"}, but there is none',
        ),
        (
            "{}",
            "restClientConfig: expected none, but it has",
        ),
    ],
)
def test_given_another_rest_client_config_then_the_difference_is_told(
    tmp_path: Path, config: str, difference: str
) -> None:
    tests = f"""
name: a
hook: {{method: connect, body: {{}}}}
expect: {{action: echo, restClientConfig: {config}}}
"""
    [message] = _differences(_directory(tmp_path, tests))

    assert message.startswith(difference)


def test_given_a_moment_then_windows_go_by_it(tmp_path: Path) -> None:
    policies = (
        "{id: over, method: call, action: deny, notAfter: 2020-06-01, reason: It was closed.}"
    )
    tests = """
- name: Closed then
  hook: {method: call, body: {}}
  session: {}
  now: 2020-05-31T12:00:00Z
  expect: {action: deny, outcome: aborted}
- name: Open now
  hook: {method: call, body: {}}
  session: {}
  expect: {action: echo}
"""
    assert _json(_directory(tmp_path, tests, policies))["ok"]


def test_given_when_the_session_connected_then_policies_go_by_it(tmp_path: Path) -> None:
    policies = """
- id: one-hour
  method: publishStream
  action: deny
  when: now - connectedAt > duration('1h')
  whenError: skip
"""
    tests = """
- name: Within the hour
  hook: {method: publishStream, body: {}}
  session: {}
  connectedAt: 2020-05-31T11:30:00Z
  now: 2020-05-31T12:00:00Z
  expect: {action: echo}
- name: After the hour
  hook: {method: publishStream, body: {}}
  session: {}
  connectedAt: 2020-05-31T10:30:00Z
  now: 2020-05-31T12:00:00Z
  expect: {action: deny, policy: one-hour}
- name: Not known
  hook: {method: publishStream, body: {}}
  session: {}
  expect: {action: echo}
"""
    assert _json(_directory(tmp_path, tests, policies))["ok"]


def test_given_a_policy_that_needs_connected_at_when_a_test_lacks_it_then_it_says_so(
    tmp_path: Path,
) -> None:
    policies = """
id: one-hour
method: publishStream
action: deny
when: now - connectedAt > duration('1h')
"""
    tests = """
name: Not known
hook: {method: publishStream, body: {}}
session: {}
expect: {action: echo}
"""
    [action] = [
        one
        for one in _differences(_directory(tmp_path, tests, policies))
        if one.startswith("action:")
    ]

    assert action.endswith("when: connectedAt has no value (give the test connectedAt)")


def test_given_policies_for_every_app_and_one_of_its_own_then_both_decide(tmp_path: Path) -> None:
    every = """{id: closed, method: call, action: deny}"""
    _directory(tmp_path, _PUPIL)
    tests = """
- {name: Some app, hook: {method: call, body: {}}, session: {},
   expect: {action: deny, policy: "*/closed"}}
- {name: The school, hook: {method: call, body: {appKey: school}}, session: {},
   expect: {action: deny, policy: "*/closed", shadow: [school/shadowed]}}
"""
    directory = _directory(tmp_path, tests, every, "_every_app")

    assert _json(directory)["ok"]


def test_given_a_secret_in_a_session_then_policies_do_not_see_it_as_in_the_functions(
    tmp_path: Path,
) -> None:
    policies = "{id: t, method: call, action: deny, when: has(session.custom.token)}"
    tests = """
name: Tokens are not kept
hook: {method: call, body: {}}
session: {custom: {token: t-1}}
expect: {action: echo}
"""
    assert _json(_directory(tmp_path, tests, policies))["ok"]


def test_given_a_payload_file_then_it_is_the_body(tmp_path: Path) -> None:
    tests = """
name: a
hook: {method: playStream, payload: hook.json}
expect: {action: override, fields: {name: real-b4e7}}
"""
    directory = _directory(tmp_path, tests)
    (directory / "school" / "hook.json").write_text('{"name": "b4e7", "sdp": "…"}')

    assert _json(directory)["ok"]


def test_given_a_policy_with_an_error_then_no_test_is_run_and_its_file_is_named(
    tmp_path: Path,
) -> None:
    said = _json(_directory(tmp_path, _PUPIL, "{id: a, method: call, action: refuse}"), status=1)

    assert said["tests"] == []
    assert said["errors"][0]["file"].endswith("school/policies.yaml")
    assert said["errors"][0]["attribute"] == "action"


def test_given_a_directory_without_tests_then_it_says_where_they_go(tmp_path: Path) -> None:
    directory = _directory(tmp_path, _PUPIL)
    (directory / "school" / "school.test.yaml").unlink()

    result = _run(str(directory))

    assert "There are no tests in" in str(result.exception)


def test_given_a_failure_when_junit_is_asked_for_then_the_report_has_it(tmp_path: Path) -> None:
    tests = _PUPIL + "- {name: b, hook: {method: call, body: {}}, expect: {action: override}}\n"
    report = tmp_path / "report.xml"

    result = _run(str(_directory(tmp_path, tests)), "--junit", str(report))

    assert result.exit_code == 1
    suite = ET.parse(report).getroot()  # noqa: S314 - it is our own
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    failed = [case.get("name") for case in suite if case.find("failure") is not None]
    assert failed == ["b"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- name: a\n  hok: {}", "test 1, key 'hok': unknown here; allowed are name, hook"),
        ("- hook: {}", "test 1, key 'name': is missing"),
        ("- [a]", "test 1: a mapping is expected, not ['a']"),
        ("{name: a, hook: {method: play}, expect: {}}", "key 'hook.method': 'play' is not known"),
        ("{name: a, hook: {method: call}, expect: {}}", "key 'expect.action': is missing"),
        (
            "{name: a, hook: {method: call}, expect: {action: allow}}",
            "'expect.action': 'allow' is not known; allowed are echo, override, deny",
        ),
        (
            "{name: a, hook: {method: call}, expect: {action: deny, status: '403'}}",
            "'expect.status': an HTTP status is expected, not '403'",
        ),
        (
            "{name: a, hook: {method: call}, expect: {action: deny, fields: {}}}",
            "'expect.fields': goes with action override",
        ),
        (
            "{name: a, hook: {method: call}, expect: {action: echo, restClientConfig: {}}}",
            "'expect.restClientConfig': only the reply to connect has one",
        ),
        (
            "{name: a, hook: {method: call}, now: tomorrow, expect: {action: echo}}",
            "key 'now': 'tomorrow' is not an ISO 8601 time",
        ),
        (
            "{name: a, hook: {method: call}, connectedAt: 2030-01-01, expect: {action: echo}}",
            "key 'connectedAt': a session that is unknown has none",
        ),
        (
            "{name: a, hook: {method: call}, session: known, expect: {action: echo}}",
            "key 'session': the body of its connect, or unknown, is expected, not 'known'",
        ),
        (
            "{name: a, hook: {method: connect}, session: {a: 1}, expect: {action: echo}}",
            "key 'session': connect has none",
        ),
        (
            "{name: a, hook: {method: call, body: {}, payload: x.json}, expect: {action: echo}}",
            "key 'hook.payload': there is a body too",
        ),
        (
            "{name: a, hook: {method: call, payload: x.json}, expect: {action: echo}}",
            "key 'hook.payload': x.json cannot be read",
        ),
    ],
)
def test_given_a_file_that_is_not_understood_then_file_test_and_key_are_named(
    tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "a.test.yaml"
    file.write_text(text)

    with pytest.raises(PolicyTestFileError) as raised:
        read_tests(file)

    assert str(raised.value).startswith(str(file))
    assert said in str(raised.value)


_NEVER = """
- {id: never, method: publishStream, action: deny, when: session.custom.token != 'abc'}
"""
_NEVER_TEST = """
- hook: {method: publishStream, body: {name: lesson}}
  name: Nobody publishes
  session: {custom: {token: abc}}
  expect: {action: deny, policy: never}
"""


def test_given_policies_that_lint_warns_of_then_their_tests_show_it_and_do_not_fail(
    tmp_path: Path,
) -> None:
    directory = _directory(tmp_path, _NEVER_TEST, _NEVER)

    said = _json(directory)
    people = _run("--strict", str(directory))

    [warning] = said["warnings"]
    assert (warning["policy"], warning["attribute"]) == ("never", "when")
    assert (said["ok"], people.exit_code) == (True, 0)
    assert "session.custom.token never has a value" in people.stdout


def test_given_a_policy_with_now_when_tested_then_it_decides_as_a_function_that_read_it_only(
    tmp_path: Path,
) -> None:
    policies = """
- {id: never, method: publishStream, action: deny, when: "now < timestamp('2000-01-01T00:00:00Z')"}
- {id: year, method: playStream, action: override, compute: {year: string(now.getFullYear())}}
"""
    tests = """
- {name: a, hook: {method: publishStream}, session: {}, expect: {action: echo}}
- {name: b, hook: {method: playStream}, now: 2031-02-01,
   expect: {action: override, fields: {year: "2031"}}}
"""
    said = _json(_directory(tmp_path, tests, policies))

    assert [test["passed"] for test in said["tests"]] == [True, True]


@pytest.mark.parametrize(
    ("session", "role"),
    [
        (r'{role: "admin\0x"}', "admin\ufffdx"),
        ("{role: 12345678901234567890123456789}", 12345678901234567890123456789.0),
        ("{role: admin, token: t-1}", "admin"),
    ],
)
def test_given_a_session_then_policies_see_what_a_function_records_of_it(
    tmp_path: Path, session: str, role: Any
) -> None:
    policies = """
{id: r, method: publishStream, action: override, compute: {role: session.custom.role}}
"""
    tests = f"""
name: a
hook: {{method: publishStream}}
session: {{custom: {session}}}
expect: {{action: override, fields: {{}}}}
"""
    [difference] = _differences(_directory(tmp_path, tests, policies))

    assert difference == f"fields.role: expected no change, but it is {encode(role)}"


@pytest.mark.parametrize(
    ("session", "problem"),
    [
        ("{a: " * 70 + "1" + "}" * 70, "nested deeper than 64"),
        ('{a: "' + "x" * 1_100_000 + '"}', "at most 1,048,576 are processed"),
    ],
    ids=["deep", "large"],
)
def test_given_a_session_that_no_connect_can_make_then_the_key_is_named(
    tmp_path: Path, session: str, problem: str
) -> None:
    tests = f"{{name: a, hook: {{method: call}}, session: {session}, expect: {{action: echo}}}}"
    directory = _directory(tmp_path, tests)

    with pytest.raises(PolicyTestFileError, match=f"key 'session'.*{problem}"):
        read_tests(directory / "school" / "school.test.yaml")


def test_given_a_crash_of_the_runtime_then_the_error_names_the_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DeployedProcess, "answer", lambda self, *_: self.run(os.abort))

    result = _run(str(_directory(tmp_path, _PUPIL)))

    assert "test 'A pupil may not publish': The process that" in str(result.exception)
    assert "crashed" in str(result.exception)


_TRUSTED = """
- {id: site, action: trust, issuer: https://issuer.example, audience: wcs,
   keys: https://issuer.example/keys, method: [connect, publishStream], required: true}
- {id: teachers, method: publishStream, action: deny, when: claims.role != 'teacher'}
- {id: end, method: StreamKeepAliveEvent, action: deny,
   when: "claims != null && now > timestamp(claims.exp)"}
"""


def test_given_claims_and_statuses_then_policies_decide_by_them_without_any_signature(
    tmp_path: Path,
) -> None:
    tests = """
- name: No token, no entry
  hook: {method: connect, body: {}}
  expect: {action: deny, status: 401, policy: site, reason: "no valid token: none"}
- name: An expired token is refused
  hook: {method: connect, body: {}}
  token: expired
  expect: {action: deny, reason: "no valid token: expired"}
- name: A user of the site gets in
  hook: {method: connect, body: {}}
  claims: {sub: anna, iss: "https://issuer.example"}
  expect: {action: echo}
- name: What connect's token proved holds for the session
  hook: {method: publishStream, body: {name: lesson}}
  session: {}
  sessionClaims: {sub: anna, role: teacher}
  expect: {action: echo}
- name: A token of its own comes first
  hook: {method: publishStream, body: {name: lesson}}
  session: {}
  claims: {sub: anna, role: pupil}
  sessionClaims: {sub: anna, role: teacher}
  expect: {action: deny, policy: teachers}
- name: Another user's token is refused
  hook: {method: publishStream, body: {name: lesson}}
  session: {}
  claims: {sub: boris, role: teacher}
  sessionClaims: {sub: anna, role: teacher}
  expect: {action: deny, policy: site, reason: "no valid token: other-subject"}
- name: A stream ends with connect's token
  hook: {method: StreamKeepAliveEvent, body: {}}
  session: {}
  sessionClaims: {sub: anna, exp: 1767225600.5}
  now: 2026-01-01T00:00:01Z
  expect: {action: deny, policy: end, outcome: stream-ended}
"""
    said = _json(_directory(tmp_path, tests, _TRUSTED))

    assert [test["name"] for test in said["tests"] if not test["passed"]] == []
    assert said["unreached"] == []


def test_given_an_item_that_only_verifies_then_a_test_reaches_it_by_a_token_that_it_takes(
    tmp_path: Path,
) -> None:
    policies = _TRUSTED.replace(", required: true", "")
    tests = """
- {name: A pupil, hook: {method: publishStream, body: {}}, session: {}, claims: {role: pupil},
   expect: {action: deny}}
"""
    said = _json(_directory(tmp_path, tests, policies))

    assert said["unreached"] == ["school/end"]


def test_given_a_token_where_none_is_read_then_the_test_fails_and_says_so(tmp_path: Path) -> None:
    tests = """
- {name: A caller, hook: {method: call, body: {}}, session: {}, claims: {sub: anna},
   expect: {action: echo}}
"""
    [difference] = _differences(_directory(tmp_path, tests, _TRUSTED))

    assert "no item with action trust reads tokens of call" in difference


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("token: stale", "not-yet"),
        ("token: expired\n  claims: {sub: anna}", "a token that is expired proves nothing"),
        ("claims: {exp: soon}", "a claim `exp` that is not a number"),
        ("claims: anna", "claims"),
        ("sessionClaims: {sub: anna}", "give `session` too"),
    ],
)
def test_given_claims_that_no_token_has_then_the_file_is_refused_and_says_why(
    tmp_path: Path, lines: str, message: str
) -> None:
    file = tmp_path / "a.test.yaml"
    file.write_text(
        f"- name: A test\n  hook: {{method: publishStream}}\n  {lines}\n"
        "  expect: {action: echo}\n"
    )

    with pytest.raises(PolicyTestFileError, match=message):
        read_tests(file)


_BANNED = """
id: banned
method: publishStream
action: deny
lookup: {ban: {list: bans, key: body.custom.user}, vip: {list: vips, key: stream, consistent: true}}
when: rows.ban != null && rows.vip == null && rows.ban.level > 1
"""


def test_given_rows_of_a_file_and_of_a_test_then_policies_look_them_up(tmp_path: Path) -> None:
    tests = """
lists: {bans: {anna: {level: 2}, carl: {level: 1}}}
tests:
- name: Anna is banned
  hook: {method: publishStream, body: {name: x, custom: {user: anna}}}
  session: {}
  expect: {action: deny}
- name: Carl's ban does not matter
  hook: {method: publishStream, body: {name: x, custom: {user: carl}}}
  session: {}
  expect: {action: echo}
- name: Anna is a guest of honour here
  hook: {method: publishStream, body: {name: gala, custom: {user: anna}}}
  session: {}
  lists: {vips: {gala: {}}}
  expect: {action: echo}
- name: Her ban is over
  hook: {method: publishStream, body: {name: x, custom: {user: anna}}}
  session: {}
  now: 2030-01-01T00:00:01Z
  lists: {bans: {anna: {level: 2, expiresAt: 1893456000}}}
  expect: {action: echo}
- name: Anna is pardoned
  hook: {method: publishStream, body: {name: x, custom: {user: anna}}}
  session: {}
  lists: {bans: {anna: null}}
  expect: {action: echo}
"""
    said = _json(_directory(tmp_path, tests, _BANNED))

    assert said["ok"]
    assert len(said["tests"]) == 5


def test_given_rows_of_a_list_that_no_policy_looks_up_then_the_test_fails(tmp_path: Path) -> None:
    tests = """
name: Misspelt
hook: {method: publishStream, body: {name: x, custom: {user: anna}}}
lists: {bnas: {anna: {level: 2}}}
expect: {action: echo}
"""
    assert _differences(_directory(tmp_path, tests, _BANNED)) == [
        "lists: no policy looks up rows of 'bnas'"
    ]


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ("[bans]", "key 'lists': a mapping of fields is expected"),
        ("{bans: anna}", "key 'lists.bans': a mapping of keys to rows is expected, not 'anna'"),
        ("{bans: {anna: spam}}", "key 'lists.bans.anna': a mapping of attributes is expected"),
    ],
)
def test_given_lists_that_are_none_then_the_error_says_what_is_expected(
    tmp_path: Path, lists: str, message: str
) -> None:
    file = tmp_path / "a.test.yaml"
    file.write_text(
        f"{{name: a, hook: {{method: call}}, lists: {lists}, expect: {{action: echo}}}}"
    )

    with pytest.raises(PolicyTestFileError) as caught:
        read_tests(file)

    assert message in str(caught.value)


_LIMITED = """
- {id: two-streams, method: publishStream, action: deny, reason: Two at most.,
   limit: {by: body.custom.user, most: 2, holds: stream}}
- {id: fifty-viewers, method: playStream, action: deny, mode: shadow,
   limit: {by: stream, most: 50, holds: stream}}
- {id: private, method: playStream, action: deny, when: body.name.startsWith('private-')}
"""


def test_given_places_that_others_hold_then_a_limit_denies_once_there_is_no_room(
    tmp_path: Path,
) -> None:
    tests = """
- name: A second stream
  hook: {method: publishStream, body: {name: x, custom: {user: anna}}}
  session: {}
  held: {two-streams: 1}
  expect: {action: echo}
- name: A third one
  hook: {method: publishStream, body: {name: x, custom: {user: anna}}}
  session: {}
  held: {school/two-streams: 2, two-streams: 0}
  expect: {action: deny, policy: two-streams, reason: Two at most., outcome: aborted}
- name: One viewer too many, in shadow
  hook: {method: playStream, body: {name: x}}
  session: {}
  held: {fifty-viewers: 50}
  expect: {action: echo, shadow: [fifty-viewers]}
"""
    said = _json(_directory(tmp_path, tests, _LIMITED))

    assert said["ok"]
    assert said["unreached"] == ["school/private"]


@pytest.mark.parametrize(
    ("test", "difference"),
    [
        ("session: {}, held: {one-stream: 1}", "held: school has no policy 'one-stream', nor"),
        ("session: {}, held: {private: 1}", "held: policy 'private' has no limit"),
        (
            "held: {fifty-viewers: 50}",
            "action: expected deny, but it is echo; places of school/fifty-viewers are not counted",
        ),
    ],
)
def test_given_places_that_nobody_can_hold_then_the_difference_says_why(
    tmp_path: Path, test: str, difference: str
) -> None:
    action = "deny" if "session" not in test else "echo"
    hook = "hook: {method: playStream, body: {name: x}}"
    text = f"{{name: a, {hook}, {test}, expect: {{action: {action}}}}}"

    [found] = _differences(_directory(tmp_path, text, _LIMITED))

    assert found.startswith(difference)


@pytest.mark.parametrize("count", ["two", "-1", "1001", "true", "1.5"])
def test_given_held_places_that_are_no_number_then_the_error_says_what_is_expected(
    tmp_path: Path, count: str
) -> None:
    file = tmp_path / "a.test.yaml"
    file.write_text(
        f"{{name: a, hook: {{method: call}}, held: {{calls: {count}}}, expect: {{action: echo}}}}"
    )

    with pytest.raises(PolicyTestFileError, match=r"'held\.calls': a whole number of places"):
        read_tests(file)
