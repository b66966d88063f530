"""Policies as files: what a file says is what the table holds; and linting them needs no AWS."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from tests.support.policy_items import configure, deny, override
from tests.wcsctl.policy_commands import write_files
from wcs_hooks.core.policy.reader import ATTRIBUTES, Action, read_policy
from wcsctl.cli import app
from wcsctl.commands.policy.rendering import changes_text
from wcsctl.policies import files as policy_files
from wcsctl.policies import schema as policy_schema
from wcsctl.policies.diff import compare, same
from wcsctl.policies.dynamodb_json import attribute_of, value_of
from wcsctl.policies.files import app_of, folder_of
from wcsctl.policies.yaml import PolicyYamlError, read, write

EXAMPLES = Path(__file__).parents[2] / "policies" / "examples"

_TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff"))
_NUMBERS = st.integers(-(10**38) + 1, 10**38 - 1) | st.decimals(
    allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20, places=9
)
_VALUES = st.recursive(
    st.none() | st.booleans() | _NUMBERS | _TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXTS, inner, max_size=4),
    max_leaves=10,
)


def lint(*places: Path, as_json: bool = False) -> tuple[int, str]:
    words = ["--json"] * as_json + ["policy", "lint", *map(str, places)]
    result = CliRunner().invoke(app, words)
    return result.exit_code, result.stdout


@given(_VALUES)
def test_given_any_value_when_written_as_yaml_and_as_an_item_then_it_reads_back_the_same(
    value: Any,
) -> None:
    assert same(read(write({"field": value}), "text")["field"], value)
    assert same(value_of(attribute_of(value)), value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("off", "off"),
        ("yes", "yes"),
        ("true", True),
        ("2030-01-31T18:00:00Z", "2030-01-31T18:00:00Z"),
        ("0900", "0900"),
        ("1:30", "1:30"),
        ("0x10", "0x10"),
        ("1e3", 1000),
        ("0.10", Decimal("0.1")),
        ("", None),
    ],
)
def test_given_a_plain_scalar_when_read_then_it_is_what_json_would_call_it(
    text: str, value: Any
) -> None:
    found = read(f"field: {text}", "text")["field"]

    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: 2\na: 3", "f.yaml:3: 'a' is there twice"),
        ("a: ]", "f.yaml:1"),
        ("a: " + "1" * 39, "at most 38 digits"),
        ("a: &x [*x]", "f.yaml:1"),
        ("? [a]\n: 1", "must be a text"),
    ],
)
def test_given_a_text_that_is_no_policy_yaml_when_read_then_the_error_names_file_and_line(
    text: str, problem: str
) -> None:
    with pytest.raises(PolicyYamlError) as raised:
        read(text, "f.yaml")

    assert problem in str(raised.value)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_given_any_app_when_it_has_a_folder_then_the_name_is_portable_and_leads_back(
    name: str,
) -> None:
    folder = folder_of(name)

    assert app_of(folder) == name
    assert not set(folder) & set('/\\:*?"<>|') or name == "*"
    assert folder[0] not in ".~ "


def test_given_a_directory_when_loaded_then_the_folder_says_the_app_and_tests_are_passed_over(
    tmp_path: Path,
) -> None:
    write_files(
        tmp_path,
        {
            "_every_app/a.yaml": deny("a"),
            "school/b.yml": [deny("b"), {"app": "school", **deny("c")}],
            "school/b.test.yaml": "tests: []",
            "school/notes.txt": "x",
            "gone/.keep": "",
        },
    )

    found = policy_files.load_directory(tmp_path)

    assert {name: list(items) for name, items in found.policies.items()} == {
        "*": ["a"],
        "gone": [],
        "school": ["b", "c"],
    }
    assert found.policies["*"]["a"]["app"] == "*"
    assert not found.findings


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"school/a.yaml": {"app": "live", **deny("a")}}, "a.yaml: a: app: is 'live', but"),
        ({"school/a.yaml": deny("a"), "school/b.yaml": deny("a")}, "b.yaml: a: id: is in "),
        ({"school/a.yaml": deny("#a")}, "is the system's"),
        ({"school/a.yaml": deny("a"), "b.yaml": deny("b")}, "b.yaml: b: app: must be an appKey"),
        ({"school/a.yaml": {"method": "call"}}, "a.yaml: id: each policy needs an id"),
        ({"school/a.yaml": "just a text"}, "which is not a policy"),
        ({"school/a.yaml": deny("a", colour="red")}, "a.yaml: a: colour: is not an attribute"),
        (
            {"_every_app/a.yaml": deny("a"), "school/b.yaml": configure("b", restOnError="LOG")},
            "b.yaml: b: restOnError: configures restOnError LOG for publishStream, which would",
        ),
    ],
)
def test_given_a_mistake_when_linted_then_file_policy_and_attribute_are_named_and_it_fails(
    tmp_path: Path, files: dict[str, Any], message: str
) -> None:
    status, out = lint(write_files(tmp_path, files))

    assert status == 1
    assert message in out


def test_given_bad_cel_when_linted_then_the_caret_stands_below_its_place(tmp_path: Path) -> None:
    long = "body.name == 'a name that is longer than any terminal is wide' && body.other ==== 1"
    status, out = lint(write_files(tmp_path, {"school/a.yaml": deny("a", when=long)}))

    line, caret = next(
        (line, below)
        for line, below in zip(out.splitlines(), out.splitlines()[1:], strict=False)
        if long in line
    )
    assert status == 1
    assert line[caret.index("^")] == "="


def test_given_good_policies_when_linted_then_warnings_do_not_fail(tmp_path: Path) -> None:
    good = lint(EXAMPLES)
    status, out = lint(
        write_files(tmp_path, {"school/a.yaml": override("a", set={"callId": "1"})}), as_json=True
    )

    assert good == (0, "3 policies: 0 errors, 0 warnings\n")
    assert status == 0
    assert [one["attribute"] for one in json.loads(out)["warnings"]] == ["set.callId"]


def test_given_files_that_are_not_read_when_linted_then_each_has_a_warning(
    tmp_path: Path,
) -> None:
    status, out = lint(
        write_files(
            tmp_path,
            {
                "school/a.yaml": deny("a"),
                "school/rooms/b.yaml": deny("b"),
                "school/rooms/b.test.yaml": {"tests": []},
                "school/c.YAML": deny("c"),
                "school/tests/d.yaml": {},
            },
        )
    )

    assert status == 0
    assert "school/c.YAML: is not read: a file of policies ends in .yaml" in out
    assert "school/rooms/b.yaml: is not read: policies must be in the app's folder itself" in out
    assert out.endswith("1 policy: 0 errors, 2 warnings\n")


def test_given_a_file_that_is_not_there_when_linted_then_it_is_said(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["policy", "lint", str(tmp_path / "none.yaml")])

    assert "There is no file" in str(result.exception)


def test_given_one_and_true_when_compared_then_they_differ_and_markup_is_not_taken_for_such() -> (
    None
):
    before = {"a": {"p": {"id": "p", "set": {"x": 1, "y": Decimal("1.0")}}}}
    after = {"a": {"p": {"id": "p", "set": {"x": True, "y": 1}}}}

    [change] = compare(before, after)

    assert change.to_json()["attributes"] == {
        "set": {"before": {"x": 1, "y": 1}, "after": {"x": True, "y": 1}}
    }
    assert "[red]" in str(changes_text(compare({}, {"a": {"p": {"id": "p", "note": "[red]"}}})))


def test_given_the_attributes_when_the_schema_is_made_then_it_has_just_these_and_is_published() -> (
    None
):
    policy = policy_schema.schema()["$defs"]["policy"]

    assert set(policy["properties"]) == ATTRIBUTES
    assert policy_schema.FILE.read_text() == policy_schema.text()


@pytest.mark.parametrize("action", list(Action))
def test_given_an_action_when_the_schema_refuses_an_attribute_then_so_does_the_compiler(
    action: Action,
) -> None:
    rules = policy_schema.schema()["$defs"]["policy"]["allOf"]
    [idle] = [
        rule["then"]["properties"]
        for rule in rules
        if rule["if"]["properties"]["action"]["const"] == action
    ]

    for name in ATTRIBUTES:
        item = {"app": "*", "id": "a", "method": "call", "action": action, name: "x"}
        _, findings = read_policy({**item, "action": action})
        refused = any("no meaning" in one.message and one.attribute == name for one in findings)
        assert refused == (name in idle)
    assert idle


def test_given_ids_that_no_file_system_takes_when_exported_then_they_come_back(
    tmp_path: Path,
) -> None:
    ids = ["a/b", "..", "A", "a", "x" * 900, "é*", "of.test"]
    policies = {"we/ird": {name: {"app": "we/ird", **deny(name)} for name in ids}}

    policy_files.export(tmp_path / "out", policies, policy_schema.text())

    assert policy_files.load_directory(tmp_path / "out").policies == policies
