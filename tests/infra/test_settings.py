import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest

from infra.settings import (
    Architecture,
    Concurrency,
    DeploymentStrategy,
    Packaging,
    Removal,
    Settings,
    SettingsError,
    SubjectForm,
    Tenant,
)
from wcs_hooks.core.caller import Auth, RestApiCalls

CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/c-1"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/k-1"
ROOT = Path(__file__).resolve().parents[2]
CDK_JSON = ROOT / "cdk.json"
PAGE = ROOT / "docs" / "reference" / "settings.md"


@pytest.fixture
def context() -> dict[str, object]:
    """The context of an operator who changed nothing."""
    context: dict[str, object] = json.loads(CDK_JSON.read_text())["context"]
    return context


def test_given_an_untouched_cdk_json_when_read_then_it_says_what_the_code_does_without_it(
    context: dict[str, object],
) -> None:
    assert Settings.from_context(context) == Settings() == Settings.from_context({})


def test_given_cdk_json_when_an_operator_reads_it_then_every_setting_is_there(
    context: dict[str, Any],
) -> None:
    names = {field.metadata["name"] for field in dataclasses.fields(Settings)}

    assert set(context["wcsHooks"]) == names


def test_given_the_page_on_settings_then_it_has_each_setting_once_with_its_default() -> None:
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| (.*?) \|", PAGE.read_text(), re.MULTILINE)
    cells = [
        (name, default)
        for names, defaults in rows
        for name, default in zip(re.findall(r"\w+", names), defaults.split(", ") * 2, strict=False)
    ]
    names = [field.metadata["name"] for field in dataclasses.fields(Settings)]
    nothing = {"empty": "", "none": ""}
    documented = {name: nothing.get(cell, cell.strip("`")) for name, cell in cells}

    assert [name for name, _ in cells] == list(documented)
    assert sorted(documented) == sorted(names)
    for name in names:
        only = {"wcsHooks": {name: documented[name]}}
        assert Settings.from_context(only) == Settings(), name


@pytest.mark.parametrize(
    ("name", "value", "attribute", "expected"),
    [
        ("stage", "blue-2", "stage", "blue-2"),
        ("auth", "none", "auth", Auth.NONE),
        ("basicUser", "node-1", "basic_user", "node-1"),
        ("allowedSources", "203.0.113.0/24, 2001:db8::/32", "allowed_sources",
         ("203.0.113.0/24", "2001:db8::/32")),
        ("allowedSources", "198.51.100.7", "allowed_sources", ("198.51.100.7/32",)),
        ("allowedSources", "", "allowed_sources", ()),
        ("replyTimeout", "0.5", "reply_timeout", 0.5),
        ("snapshotTtl", "0", "snapshot_ttl", 0),
        ("snapshotRetentionDays", "3650", "snapshot_retention_days", 3650),
        ("sessionTtlDays", "1", "session_ttl_days", 1),
        ("restApiCalls", "as-client", "rest_api_calls", RestApiCalls.AS_CLIENT),
        ("listsCacheSeconds", "2.5", "lists_cache_seconds", 2.5),
        ("keepAliveInterval", "30", "keep_alive_interval", 30.0),
        ("callLeaseHours", "2", "call_lease_hours", 2),
        ("sessionLeaseHours", "48", "session_lease_hours", 48),
        ("keysRefreshMinutes", "60", "keys_refresh_minutes", 60),
        ("keysStaleHours", "1", "keys_stale_hours", 1),
        ("tokenSecrets", "true", "token_secrets", True),
        ("eventBus", "true", "event_bus", True),
        ("eventBusKeepAlive", "true", "event_bus_keep_alive", True),
        ("echoLogSampleRate", "1", "echo_log_sample_rate", 1),
        ("loggedFields", "name, callee", "logged_fields", ("name", "callee")),
        ("loggedFields", "", "logged_fields", ()),
        ("explainDecisions", "true", "explain_decisions", True),
        ("subject", "plain", "subject", SubjectForm.PLAIN),
        ("echoMetricsSeconds", "0", "echo_metrics_seconds", 0),
        ("logRetentionDays", "731", "log_retention_days", 731),
        ("memorySize", "512", "memory_size", 512),
        ("packaging", "host", "packaging", Packaging.HOST),
        ("architecture", "x86_64", "architecture", Architecture.X86_64),
        ("removal", "destroy", "removal", Removal.DESTROY),
        ("deployment", "canary", "deployment", DeploymentStrategy.CANARY),
        ("provisionedConcurrency", "connect=2, event=10", "provisioned_concurrency",
         Concurrency(connect=2, event=10)),
        ("reservedConcurrency", "direct=50", "reserved_concurrency", Concurrency(direct=50)),
        ("reservedConcurrency", "", "reserved_concurrency", Concurrency()),
        ("unknownMethodRateLimit", "5", "unknown_method_rate_limit", 5),
        ("customerManagedKey", "create", "customer_managed_key", "create"),
        ("customerManagedKey", KEY, "customer_managed_key", KEY),
        ("deletionProtection", "true", "deletion_protection", True),
        ("runbookUrl", "https://wiki.example.com/wcs", "runbook_url",
         "https://wiki.example.com/wcs"),
        ("okNotifications", "true", "ok_notifications", True),
        ("alarmEmail", "ops@example.com", "alarm_email", "ops@example.com"),
        ("tenants", '{"Acme": ["acme-live", "acme-test"]}', "tenants",
         (Tenant("Acme", ("acme-live", "acme-test")),)),
        ("tenants", "", "tenants", ()),
        ("local", "true", "local", True),
        ("local", "false", "local", False),
    ],
)  # fmt: skip
def test_given_a_setting_on_the_command_line_when_read_then_it_wins_over_cdk_json(
    name: str, value: str, attribute: str, expected: object, context: dict[str, object]
) -> None:
    settings = Settings.from_context(context | {name: value})

    assert getattr(settings, attribute) == expected
    assert dataclasses.replace(settings, **{attribute: getattr(Settings(), attribute)}) == (
        Settings()
    )


def test_given_settings_in_cdk_json_when_read_then_json_types_do_as_well_as_strings() -> None:
    settings = Settings.from_context(
        {
            "wcsHooks": {
                "allowedSources": ["203.0.113.0/24"],
                "trustedProxies": ["198.51.100.0/24"],
                "provisionedConcurrency": {"connect": 2},
                "local": True,
                "memorySize": 2048,
                "replyTimeout": 5,
            }
        }
    )

    assert settings == Settings(
        allowed_sources=("203.0.113.0/24",),
        trusted_proxies=("198.51.100.0/24",),
        provisioned_concurrency=Concurrency(connect=2),
        local=True,
        memory_size=2048,
        reply_timeout=5,
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"domainName": "hooks.example.com"}, "domainName: needs certificateArn"),
        ({"certificateArn": CERTIFICATE}, "certificateArn: needs domainName"),
        ({"trustedProxies": "198.51.100.0/24"}, "trustedProxies: has no effect without allowed"),
        (
            {
                "allowedSources": "203.0.113.0/24",
                "trustedProxies": [f"198.51.100.{n}/32" for n in range(200)],
            },
            "trustedProxies: has 3504 characters together with allowedSources, of which 2000 fit",
        ),
        ({"unknownMethodBurstLimit": "5"}, "unknownMethodBurstLimit: needs unknownMethodRateLimit"),
        (
            {"provisionedConcurrency": "event=3", "reservedConcurrency": "connect=1,event=2"},
            "provisionedConcurrency: event=3 is more than reservedConcurrency allows",
        ),
        ({"deletionProtection": "true", "removal": "destroy"}, "deletionProtection: contradicts"),
        (
            {
                "domainName": "hooks.example.com",
                "certificateArn": CERTIFICATE,
                "local": "true",
            },
            "domainName: an emulator is reached by an address of its own",
        ),
        ({"deployment": "canary", "local": "true"}, "deployment: canary needs CodeDeploy"),
        ({"subjectExpression": "body.user"}, "subjectExpression: has no effect with subject=off"),
    ],
)
def test_given_settings_that_do_not_go_together_when_read_then_one_line_names_both(
    given: dict[str, object], said: str, context: dict[str, object]
) -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.from_context(context | given)

    assert str(raised.value).startswith(f"setting {said}")
    assert len(str(raised.value).splitlines()) == 1


def test_given_a_domain_with_its_certificate_when_read_then_both_are_taken() -> None:
    given = {"domainName": "hooks.example.com", "certificateArn": CERTIFICATE}

    settings = Settings.from_context(given)

    assert (settings.domain_name, settings.certificate_arn) == tuple(given.values())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stage", "-blue"),
        ("stage", "blue_green"),
        ("stage", "x" * 21),
        ("stage", 7),
        ("auth", "HMAC"),
        ("auth", ""),
        ("auth", None),
        ("basicUser", ""),
        ("basicUser", "a:b"),
        ("allowedSources", "203.0.113.7/24"),
        ("allowedSources", "everywhere"),
        ("allowedSources", [None]),
        ("allowedSources", 7),
        ("tenants", "acme-live"),
        ("tenants", '["acme-live"]'),
        ("tenants", {"Acme & Sons": ["acme-live"]}),
        ("tenants", {"Acme": []}),
        ("tenants", {"Acme": "acme-live"}),
        ("tenants", {"Acme": ["*"]}),
        ("tenants", {"Acme": ["#apps"]}),
        # IAM would put the caller's name in its place.
        ("tenants", {"Acme": ["${aws:username}"]}),
        ("tenants", {"Acme": [f"app-{number}" for number in range(21)]}),
        ("replyTimeout", "0"),
        ("replyTimeout", "11"),
        ("replyTimeout", "2s"),
        ("replyTimeout", "nan"),
        ("replyTimeout", True),
        ("replyTimeout", None),
        ("snapshotTtl", "-1"),
        ("snapshotTtl", "inf"),
        ("snapshotRetentionDays", "0"),
        ("snapshotRetentionDays", "1.5"),
        ("sessionTtlDays", "366"),
        ("restApiCalls", "always-deny"),
        ("keysRefreshMinutes", "0"),
        ("keysRefreshMinutes", "61"),
        ("keysStaleHours", "0"),
        ("keysStaleHours", "169"),
        ("tokenSecrets", "yes"),
        ("eventBus", "on"),
        ("eventBusKeepAlive", None),
        ("echoLogSampleRate", "1.1"),
        ("echoMetricsSeconds", "-1"),
        ("echoMetricsSeconds", "61"),
        ("loggedFields", "custom"),
        ("loggedFields", "name,sessionId"),
        ("loggedFields", ["token"]),
        ("loggedFields", "custom.login"),
        ("loggedFields", [f"field{number}" for number in range(21)]),
        ("loggedFields", 7),
        ("explainDecisions", "yes"),
        ("subject", "hashed"),
        ("subjectExpression", "session.custom."),
        ("subjectExpression", "rows.user.name"),
        ("subjectExpression", "size(body)"),
        ("subjectExpression", f"'{'x' * 500}'"),
        ("subjectExpression", None),
        ("logRetentionDays", "31"),
        ("logRetentionDays", "0"),
        ("memorySize", "127"),
        ("memorySize", "10241"),
        ("packaging", "docker"),
        ("architecture", "arm"),
        ("removal", "snapshot"),
        ("trustedProxies", "cloudfront"),
        ("deployment", "linear"),
        ("provisionedConcurrency", "2"),
        ("provisionedConcurrency", "connect=0"),
        ("reservedConcurrency", "compiler=2"),
        ("reservedConcurrency", {"connect": "many"}),
        ("reservedConcurrency", 10),
        ("unknownMethodRateLimit", "0.5"),
        ("unknownMethodBurstLimit", "5001"),
        ("domainName", "https://hooks.example.com"),
        ("domainName", "Hooks.example.com"),
        ("domainName", "localhost"),
        ("certificateArn", "c-1"),
        ("customerManagedKey", "true"),
        ("customerManagedKey", "arn:aws:kms:eu-west-1:123456789012:alias/hooks"),
        ("deletionProtection", "on"),
        ("runbookUrl", "docs/operate/runbook.md"),
        ("runbookUrl", "https://wiki.example.com/wcs#alarms"),
        ("okNotifications", "no"),
        ("alarmEmail", "ops"),
        ("local", "yes"),
        ("local", 1),
    ],
)
def test_given_a_wrong_value_when_read_then_one_line_names_setting_value_and_what_is_allowed(
    name: str, value: object, context: dict[str, object]
) -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.from_context(context | {name: value})

    said = str(raised.value)
    assert said.startswith(f"setting {name}: {value!r} is not allowed; use ")
    assert len(said.splitlines()) == 1
    assert len(said.partition("use ")[2]) > 8


def test_given_a_choice_when_the_value_is_wrong_then_every_choice_is_named() -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.from_context({"auth": "md5"})

    assert str(raised.value) == ("setting auth: 'md5' is not allowed; use one of hmac, basic, none")


@pytest.mark.parametrize(
    "context",
    [{"replyTimeOut": "3"}, {"wcsHooks": {"replyTimeOut": 3}}],
    ids=["on the command line", "in cdk.json"],
)
def test_given_a_misspelt_setting_when_read_then_the_right_spelling_is_named(
    context: dict[str, object],
) -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.from_context(context)

    assert str(raised.value) == (
        "setting replyTimeOut: there is no such setting; did you mean replyTimeout?"
    )


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("wcsHooks.auth", "auth"),
        ("wcsHooks.replyTimeOut", "replyTimeout"),
        ("wcsHooks.", None),
        ("reply-timeout", "replyTimeout"),
        ("alarm_email", "alarmEmail"),
    ],
)
def test_given_a_setting_under_a_name_that_is_none_when_read_then_it_is_not_ignored(
    name: str, right: str | None
) -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.from_context({"wcsHooks": {}, name: ""})

    said = str(raised.value)
    assert said.startswith(f"setting {name}: there is no such setting; ")
    last = max(field.metadata["name"] for field in dataclasses.fields(Settings))
    assert said.endswith(f"did you mean {right}?" if right else last)


def test_given_a_setting_that_resembles_none_when_read_then_all_are_named() -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.from_context({"zzz": "1"})

    assert all(
        field.metadata["name"] in str(raised.value) for field in dataclasses.fields(Settings)
    )


def test_given_the_cdks_own_context_when_read_then_it_is_not_taken_for_settings() -> None:
    context = {
        "@aws-cdk/core:checkSecretUsage": True,
        "aws:cdk:enable-path-metadata": True,
        "availability-zones:account=1:region=eu-west-1": [],
        "cli-telemetry": False,
    }

    assert Settings.from_context(context) == Settings()


def test_given_settings_that_are_no_object_when_read_then_one_line_says_so() -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.from_context({"wcsHooks": "auth=none"})

    assert str(raised.value) == (
        "setting wcsHooks: 'auth=none' is not allowed; use an object of settings"
    )


@pytest.mark.parametrize(("stage", "stack_name"), [("", "WcsHooks"), ("blue", "WcsHooks-blue")])
def test_given_a_stage_when_named_then_its_stack_stands_beside_the_others(
    stage: str, stack_name: str
) -> None:
    assert Settings(stage=stage).stack_name == stack_name
