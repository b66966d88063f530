"""The stack: its capabilities, wired together, and what it tells."""

from aws_cdk import CfnOutput, CliCredentialsStackSynthesizer, Stack
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.caller_secret import CallerSecret
from infra.dead_letters import DeadLetters
from infra.event_bus import EventBus
from infra.hook_api import HookApi
from infra.hook_functions import HookFunctions
from infra.observability import Observability
from infra.policy_compiler import PolicyCompiler
from infra.policy_store import PolicyStore
from infra.sessions import Sessions
from infra.settings import Settings
from wcs_hooks.core.methods import Category


class WcsHooksStack(Stack):
    """Everything that answers the hooks of one WCS installation."""

    def __init__(self, scope: Construct, settings: Settings, code: lambda_.Code) -> None:
        super().__init__(
            scope,
            settings.stack_name,
            description="Answers the REST hooks of WCS by policies in a DynamoDB table",
            # An emulator enforces IAM but does not have the roles that `cdk bootstrap` makes.
            synthesizer=CliCredentialsStackSynthesizer() if settings.local else None,
        )
        store = PolicyStore(self, "PolicyStore", settings)
        sessions = Sessions(self, "Sessions", settings)
        dead_letters = DeadLetters(self, "DeadLetters", settings)
        caller = CallerSecret(self, "CallerSecret", settings)
        event_bus = EventBus(self, "EventBus").bus if settings.event_bus else None
        functions = HookFunctions(
            self,
            "HookFunctions",
            settings,
            code=code,
            snapshots=store.snapshots,
            sessions=sessions.table,
            dead_letters=dead_letters,
            secret_arn=caller.arn,
            event_bus=event_bus,
        ).by_category
        compiler = PolicyCompiler(
            self,
            "PolicyCompiler",
            settings,
            code=code,
            store=store,
            dead_letters=dead_letters.queue,
        ).function
        hooks = HookApi(self, "HookApi", settings, functions=functions)
        seen = Observability(
            self,
            "Observability",
            settings,
            hooks=hooks,
            functions=functions,
            compiler=compiler,
            dead_letters=dead_letters.queue,
        )
        outputs = {
            "HooksUrl": hooks.api.api_endpoint,
            "PoliciesTableName": store.policies.table_name,
            "SnapshotsTableName": store.snapshots.table_name,
            "SessionsTableName": sessions.table.table_name,
            "DeadLetterQueueUrl": dead_letters.queue.queue_url,
            "DeadLetterTableName": dead_letters.table.table_name,
            "SignatureSecretArn": caller.arn,
            "PolicyEditorPolicyArn": store.editors.managed_policy_arn,
            "DashboardUrl": seen.dashboard_url,
            "AlarmTopicArn": seen.topic.topic_arn,
            "ConnectFunctionName": functions[Category.CONNECT].function_name,
            "DirectFunctionName": functions[Category.DIRECT].function_name,
            "EventFunctionName": functions[Category.EVENT].function_name,
            "IncomingFunctionName": functions[Category.INCOMING].function_name,
            "CompilerFunctionName": compiler.function_name,
        }
        if event_bus is not None:
            outputs["EventBusName"] = event_bus.event_bus_name
        for name, value in outputs.items():
            CfnOutput(self, name, value=value)
