"""The construct by itself, for applications that have a stack of their own."""

import json

from aws_cdk import App, Stack
from aws_cdk import aws_sqs as sqs
from aws_cdk.assertions import Template
from aws_cdk.aws_sns_subscriptions import SqsSubscription
from constructs import Construct

from infra.settings import Settings
from infra.wcs_hooks import WcsHooks
from infra.wcs_hooks_stack import WcsHooksStack
from tests.infra.conftest import NewCode, Synthesise
from tests.infra.synthesis import ROOT, SynthesisedStack

LOGICAL_IDS = ROOT / "tests" / "infra" / "logical_ids.txt"
SETTINGS = Settings(event_bus=True)


class Telephony(Stack):
    """Somebody else's stack, in which hooks are one thing of several."""

    def __init__(self, scope: Construct, new_code: NewCode) -> None:
        super().__init__(scope, "Telephony")
        on_call = sqs.Queue(self, "OnCall")
        self.hooks = WcsHooks(self, "Hooks", SETTINGS, code=new_code())
        self.hooks.alarms_topic.add_subscription(SqsSubscription(on_call))


def application() -> App:
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    return App(context=context, builtin_cloud_formation_validation=False)


def kinds(stack: SynthesisedStack) -> list[str]:
    return sorted(resource["Type"] for resource in stack.template["Resources"].values())


def test_given_installations_of_earlier_releases_when_updated_then_no_resource_has_another_id(
    stack_with: Synthesise,
) -> None:
    resources = stack_with(SETTINGS).template["Resources"]
    # A version has a new id whenever the function's code or configuration changes.
    now = {
        logical_id
        for logical_id, resource in resources.items()
        if resource["Type"] != "AWS::Lambda::Version"
    }

    assert now == set(LOGICAL_IDS.read_text().split())


def test_given_a_stack_of_its_own_when_an_application_uses_the_construct_then_all_of_it_is_there(
    new_code: NewCode, stack_with: Synthesise
) -> None:
    telephony = Telephony(application(), new_code)

    stack = SynthesisedStack(Template.from_stack(telephony).to_json())

    own = {i: r for i, r in stack.template["Resources"].items() if not i.startswith("OnCall")}
    assert kinds(SynthesisedStack({"Resources": own})) == kinds(stack_with(SETTINGS))
    assert all(logical_id.startswith("Hooks") for logical_id in own)
    assert len(own) < len(stack.template["Resources"])
    assert "Outputs" not in stack.template


def test_given_the_construct_when_its_parts_are_asked_for_then_each_is_the_resource_of_the_output(
    new_code: NewCode,
) -> None:
    made = WcsHooksStack(application(), SETTINGS, new_code())
    stack = SynthesisedStack(Template.from_stack(made).to_json())
    hooks = made.hooks
    assert hooks.event_bus is not None

    attributes = {
        "HooksUrl": hooks.api.api_endpoint,
        "PoliciesTableName": hooks.policies.table_name,
        "SnapshotsTableName": hooks.snapshots.table_name,
        "SessionsTableName": hooks.sessions.table_name,
        "ListsTableName": hooks.lists.table_name,
        "LeasesTableName": hooks.leases.table_name,
        "DeadLetterTableName": hooks.dead_letter_table.table_name,
        "DeadLetterQueueUrl": hooks.dead_letter_queue.queue_url,
        "SignatureSecretArn": hooks.secret.secret_arn,
        "AlarmTopicArn": hooks.alarms_topic.topic_arn,
        "CompilerFunctionName": hooks.compiler.function_name,
        "EventBusName": hooks.event_bus.event_bus_name,
        **{
            f"{category.capitalize()}FunctionName": function.function_name
            for category, function in hooks.functions.items()
        },
    }

    ids = {name: stack.logical_id(made.resolve(value)) for name, value in attributes.items()}
    assert ids == {name: stack.logical_id(stack.output(name)) for name in attributes}
