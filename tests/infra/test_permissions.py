"""Who may do what: exact lists, so that one more action fails a test."""

from typing import Final

import pytest

from infra.settings import Settings, Tenant
from tests.infra.conftest import Synthesise
from tests.infra.synthesis import Json, SynthesisedStack
from wcs_hooks.core.caller import Auth
from wcs_hooks.core.methods import Category

type Permissions = set[tuple[str, str]]
"""Actions, each with what it is allowed on."""

READ_SNAPSHOTS: Final = {"dynamodb:BatchGetItem", "dynamodb:Query"}
RENEW_SESSIONS: Final = {"dynamodb:GetItem", "dynamodb:UpdateItem"}
LOOK_UP: Final = ("dynamodb:BatchGetItem", "lists")
COUNT_PLACES: Final = {
    ("dynamodb:BatchGetItem", "leases"),
    ("dynamodb:GetItem", "leases"),
    ("dynamodb:UpdateItem", "leases"),
}
KEEP_DEAD_LETTERS: Final = {
    ("sqs:SendMessage", "dead letters"),
    ("dynamodb:PutItem", "dead-letter table"),
    ("dynamodb:UpdateItem", "dead-letter table"),
}
SESSIONS: Final = {
    Category.CONNECT: {"dynamodb:PutItem"},
    Category.DIRECT: RENEW_SESSIONS,
    Category.INCOMING: RENEW_SESSIONS,
    Category.EVENT: RENEW_SESSIONS | {"dynamodb:DeleteItem"},
}


def permissions(stack: SynthesisedStack, document: Json) -> Permissions:
    names = {
        stack.logical_id(stack.output(output)): name
        for output, name in {
            "PoliciesTableName": "policies",
            "SnapshotsTableName": "snapshots",
            "SessionsTableName": "sessions",
            "ListsTableName": "lists",
            "LeasesTableName": "leases",
            "EventBusName": "event bus",
            "DeadLetterQueueUrl": "dead letters",
            "DeadLetterTableName": "dead-letter table",
            "SignatureSecretArn": "secret",
            "TokenSecretsArn": "secrets of tokens",
            "SubjectSecretArn": "secret of subjects",
        }.items()
        if output in stack.template["Outputs"]
    }
    found = set()
    for statement in document["Statement"]:
        assert statement["Effect"] == "Allow"
        resources = _listed(statement["Resource"])
        for action in _listed(statement["Action"]):
            for resource in resources:
                found.add((action, resource if resource == "*" else _name(stack, resource, names)))
    return found


def _name(stack: SynthesisedStack, resource: Json, names: dict[str, str]) -> str:
    of_the_account = {":stack/WcsHooks/*": "own stack", ":dashboard/*": "dashboards"}
    if "Fn::Join" in resource and resource["Fn::Join"][1][-1] in of_the_account:
        return of_the_account[resource["Fn::Join"][1][-1]]
    logical_id = stack.logical_id(resource)
    if stack.template["Resources"][logical_id]["Type"] in {
        "AWS::Lambda::Alias",
        "AWS::Lambda::Function",
        "AWS::Logs::LogGroup",
    }:
        return logical_id
    attribute = resource["Fn::GetAtt"][1]
    return names[logical_id] + (" stream" if attribute == "StreamArn" else "")


def _listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [value]


def role_permissions(stack: SynthesisedStack, name: str) -> Permissions:
    role_id = stack.logical_id(stack.function(name)["Role"])
    role = stack.template["Resources"][role_id]["Properties"]
    assert "ManagedPolicyArns" not in role
    attached = [
        policy
        for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
        for policy in stack.of_type(kind).values()
        if {"Ref": role_id} in policy["Properties"].get("Roles", [])
    ]
    assert not attached, "all that a role allows is written in the role"
    (inline,) = role["Policies"]
    return permissions(stack, inline["PolicyDocument"])


def every_function_may(stack: SynthesisedStack, name: str) -> Permissions:
    own_logs = stack.logical_id(stack.function(name)["LoggingConfig"])
    return {
        ("logs:CreateLogStream", own_logs),
        ("logs:PutLogEvents", own_logs),
        ("xray:PutTelemetryRecords", "*"),
        ("xray:PutTraceSegments", "*"),
    }


@pytest.mark.parametrize("category", Category)
def test_given_a_category_function_when_it_answers_then_it_may_do_this_and_no_more(
    category: Category, stack: SynthesisedStack
) -> None:
    assert role_permissions(stack, category) == every_function_may(stack, category) | {
        *((action, "snapshots") for action in READ_SNAPSHOTS),
        *((action, "sessions") for action in SESSIONS[category]),
        LOOK_UP,
        *COUNT_PLACES,
        *KEEP_DEAD_LETTERS,
        ("secretsmanager:GetSecretValue", "secret"),
    }


@pytest.mark.parametrize("category", Category)
def test_given_callers_are_not_checked_when_a_function_runs_then_it_may_not_read_the_secret(
    category: Category, stack_with: Synthesise
) -> None:
    stack = stack_with(Settings(auth=Auth.NONE))

    assert role_permissions(stack, category) == every_function_may(stack, category) | {
        *((action, "snapshots") for action in READ_SNAPSHOTS),
        *((action, "sessions") for action in SESSIONS[category]),
        LOOK_UP,
        *COUNT_PLACES,
        *KEEP_DEAD_LETTERS,
    }


@pytest.mark.parametrize("category", Category)
def test_given_an_event_bus_when_functions_run_then_only_the_event_function_may_publish(
    category: Category, stack: SynthesisedStack, stack_with: Synthesise
) -> None:
    with_bus = stack_with(Settings(event_bus=True))

    gained = role_permissions(with_bus, category) - role_permissions(stack, category)
    assert gained == ({("events:PutEvents", "event bus")} if category is Category.EVENT else set())


@pytest.mark.parametrize("name", [*Category, "compiler"])
def test_given_secrets_of_tokens_when_functions_run_then_those_that_answer_hooks_may_read_them(
    name: str, stack: SynthesisedStack, stack_with: Synthesise
) -> None:
    with_secrets = stack_with(Settings(token_secrets=True))

    gained = role_permissions(with_secrets, name) - role_permissions(stack, name)
    reading = {("secretsmanager:GetSecretValue", "secrets of tokens")}
    assert gained == (set() if name == "compiler" else reading)


def test_given_secrets_of_tokens_when_an_operator_is_at_work_then_they_may_read_them(
    stack: SynthesisedStack, stack_with: Synthesise
) -> None:
    with_secrets = stack_with(Settings(token_secrets=True))

    def may(one: SynthesisedStack) -> Permissions:
        policy = one.resource(one.output("OperatorPolicyArn"))["Properties"]["PolicyDocument"]
        return {each for each in permissions(one, policy) if "secretsmanager" in each[0]}

    assert may(with_secrets) - may(stack) == {
        ("secretsmanager:GetSecretValue", "secrets of tokens")
    }


def test_given_the_compiler_when_it_runs_then_it_may_do_this_and_no_more(
    stack: SynthesisedStack,
) -> None:
    assert role_permissions(stack, "compiler") == every_function_may(stack, "compiler") | {
        ("dynamodb:PutItem", "policies"),
        ("dynamodb:Query", "policies"),
        ("dynamodb:GetItem", "snapshots"),
        ("dynamodb:PutItem", "snapshots"),
        ("dynamodb:Query", "snapshots"),
        ("dynamodb:UpdateItem", "snapshots"),
        ("dynamodb:GetItem", "leases"),
        ("dynamodb:DescribeStream", "policies stream"),
        ("dynamodb:GetRecords", "policies stream"),
        ("dynamodb:GetShardIterator", "policies stream"),
        ("dynamodb:ListStreams", "*"),
        ("sqs:SendMessage", "dead letters"),
    }


def test_given_five_functions_when_they_run_then_no_two_share_a_role(
    stack: SynthesisedStack,
) -> None:
    roles = [
        stack.logical_id(function["Properties"]["Role"])
        for function in stack.of_type("AWS::Lambda::Function").values()
    ]

    assert len(set(roles)) == len(roles) == len(stack.of_type("AWS::IAM::Role")) == 5


def test_given_a_policy_editor_when_at_work_then_they_edit_policies_and_nothing_else(
    stack: SynthesisedStack,
) -> None:
    editor = stack.resource(stack.output("PolicyEditorPolicyArn"))["Properties"]
    reading = {"BatchGetItem", "DescribeTable", "GetItem", "Query", "Scan"}
    writing = {"BatchWriteItem", "ConditionCheckItem", "DeleteItem", "PutItem", "UpdateItem"}

    assert permissions(stack, editor["PolicyDocument"]) == {
        *((f"dynamodb:{action}", "policies") for action in reading | writing),
        *((f"dynamodb:{action}", "snapshots") for action in reading),
        ("dynamodb:ListTables", "*"),
        ("cloudformation:DescribeStacks", "own stack"),
    }
    assert not {"Groups", "Roles", "Users"} & set(editor), "the operator attaches it"


def test_given_a_list_editor_when_at_work_then_they_write_rows_of_lists_that_are_not_the_systems(
    stack: SynthesisedStack,
) -> None:
    editor = stack.resource(stack.output("ListEditorPolicyArn"))["Properties"]
    (writing,) = [each for each in editor["PolicyDocument"]["Statement"] if "Condition" in each]

    reading = {"BatchGetItem", "GetItem", "Query"}
    changing = {"BatchWriteItem", "ConditionCheckItem", "DeleteItem", "PutItem", "UpdateItem"}
    rows = {(f"dynamodb:{action}", "lists") for action in reading | changing}
    assert permissions(stack, {"Statement": [writing]}) == rows
    assert writing["Condition"] == {
        "ForAllValues:StringNotLike": {"dynamodb:LeadingKeys": ["#*"]},
        "Null": {"dynamodb:LeadingKeys": "false"},
    }
    assert permissions(stack, editor["PolicyDocument"]) - rows == {
        ("dynamodb:DescribeTable", "lists"),
        ("dynamodb:ListTables", "*"),
        ("cloudformation:DescribeStacks", "own stack"),
    }
    assert not {"Groups", "Roles", "Users"} & set(editor), "the operator attaches it"


def test_given_an_operator_when_at_work_then_they_may_do_this_and_no_more(
    stack: SynthesisedStack,
) -> None:
    operator = stack.resource(stack.output("OperatorPolicyArn"))["Properties"]
    functions = {
        name: stack.logical_id(stack.output(f"{name.capitalize()}FunctionName"))
        for name in (*Category, "compiler")
    }
    called = {*functions.values(), *stack.of_type("AWS::Lambda::Alias")}
    function_logs = {stack.logical_id(stack.function(name)["LoggingConfig"]) for name in functions}
    (access_logs,) = stack.of_type("AWS::Logs::LogGroup").keys() - function_logs

    assert permissions(stack, operator["PolicyDocument"]) == {
        *((f"dynamodb:{action}", "policies") for action in ("GetItem", "Query", "Scan")),
        *((f"dynamodb:{action}", "snapshots") for action in ("BatchGetItem", "GetItem", "Query")),
        ("dynamodb:GetItem", "sessions"),
        LOOK_UP,
        *COUNT_PLACES,
        ("dynamodb:Scan", "leases"),
        *(
            (f"dynamodb:{action}", "dead-letter table")
            for action in ("BatchWriteItem", "DeleteItem", "Query", "Scan", "UpdateItem")
        ),
        *(
            (f"sqs:{action}", "dead letters")
            for action in (
                *("ChangeMessageVisibility", "DeleteMessage", "GetQueueAttributes"),
                *("PurgeQueue", "ReceiveMessage", "SendMessage"),
            )
        ),
        ("secretsmanager:GetSecretValue", "secret"),
        ("secretsmanager:PutSecretValue", "secret"),
        *(("lambda:GetFunctionConfiguration", each) for each in called),
        *(("lambda:InvokeFunction", each) for each in called),
        *(
            (f"logs:{action}", group)
            for action in ("FilterLogEvents", "GetQueryResults", "StartQuery")
            for group in (*function_logs, access_logs)
        ),
        ("cloudformation:DescribeStacks", "own stack"),
        ("cloudformation:ListStackResources", "own stack"),
        ("cloudwatch:DescribeAlarmHistory", "*"),
        ("cloudwatch:DescribeAlarms", "*"),
        ("cloudwatch:GetDashboard", "dashboards"),
        *(
            (f"cloudwatch:{action}", "*")
            for action in ("GetMetricData", "GetMetricStatistics", "ListDashboards", "ListMetrics")
        ),
        ("logs:DescribeLogGroups", "*"),
        ("logs:StopQuery", "*"),
    }
    assert not {"Groups", "Roles", "Users"} & set(operator), "whoever deploys attaches it"


def test_given_a_tenants_editor_when_at_work_then_every_item_is_of_an_app_that_concerns_them(
    stack_with: Synthesise,
) -> None:
    stack = stack_with(Settings(tenants=(Tenant("Acme", ("acme-live", "acme-test")),)))
    editor = stack.resource(stack.output("PolicyEditorPolicyArnAcme"))["Properties"]
    by_apps: dict[tuple[str, ...], Permissions] = {}
    for statement in editor["PolicyDocument"]["Statement"]:
        condition = statement.get("Condition", {})
        apps = condition.get("ForAllValues:StringEquals", {}).get("dynamodb:LeadingKeys", [])
        # Without it, a request that names no key would meet ForAllValues.
        named = {"Null": {"dynamodb:LeadingKeys": "false"}} if apps else {}
        assert condition == (
            {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": apps}} | named if apps else {}
        )
        allowed = by_apps.setdefault(tuple(apps), set())
        allowed |= permissions(stack, {"Statement": [statement]})

    own = ("acme-live", "acme-test")
    reading = {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"}
    writing = {
        f"dynamodb:{action}"
        for action in ("BatchWriteItem", "ConditionCheckItem", "DeleteItem", "PutItem")
    } | {"dynamodb:UpdateItem"}
    assert by_apps == {
        own: {(action, "policies") for action in reading | writing},
        ("*",): {(action, "policies") for action in reading},
        (*own, "*", "#apps"): {(action, "snapshots") for action in reading},
        (): {
            ("dynamodb:DescribeTable", "policies"),
            ("dynamodb:DescribeTable", "snapshots"),
            ("dynamodb:ListTables", "*"),
            ("cloudformation:DescribeStacks", "own stack"),
        },
    }


def test_given_an_alarm_when_it_tells_the_encrypted_topic_then_only_this_accounts_alarms_may(
    stack: SynthesisedStack,
) -> None:
    topic_id = stack.logical_id(stack.output("AlarmTopicArn"))
    topic = stack.template["Resources"][topic_id]["Properties"]
    key = stack.resource(topic["KmsMasterKeyId"])["Properties"]["KeyPolicy"]
    own_account = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    alarms = {"Service": "cloudwatch.amazonaws.com"}

    (using,) = [each for each in key["Statement"] if each["Principal"] == alarms]
    assert using["Action"] == ["kms:Decrypt", "kms:GenerateDataKey*"]
    assert using["Condition"] == own_account
    topic_policy = stack.the("AWS::SNS::TopicPolicy")["PolicyDocument"]
    (publishing,) = [each for each in topic_policy["Statement"] if each["Effect"] == "Allow"]
    assert publishing["Principal"] == alarms
    assert publishing["Action"] == "sns:Publish"
    assert publishing["Resource"] == {"Ref": topic_id}
    assert publishing["Condition"] == own_account
