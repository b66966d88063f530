"""The stack: the construct, deployed by itself, and its outputs."""

from aws_cdk import CfnOutput, CliCredentialsStackSynthesizer, Stack
from constructs import Construct

from infra.hook_functions import LIVE
from infra.packaging import FunctionPackages
from infra.settings import Settings
from infra.versions import project_version
from infra.wcs_hooks import FunctionCode, WcsHooks
from wcs_hooks.core.methods import Category


class WcsHooksStack(Stack):
    """Everything that answers the hooks of one WCS installation.

    Parameters
    ----------
    scope
        The application.
    settings
        What can be chosen.
    code
        The functions' code.
    packages
        Where the code comes from; the stack's outputs then say which version that is.

    Attributes
    ----------
    hooks
        What the stack consists of.
    """

    def __init__(
        self,
        scope: Construct,
        settings: Settings,
        code: FunctionCode,
        packages: FunctionPackages | None = None,
    ) -> None:
        super().__init__(
            scope,
            settings.stack_name,
            description="Answers the REST hooks of WCS by policies in a DynamoDB table",
            # An emulator enforces IAM but does not have the roles that `cdk bootstrap` makes.
            synthesizer=CliCredentialsStackSynthesizer() if settings.local else None,
            termination_protection=settings.deletion_protection,
        )
        # The CDK leaves this ID out of logical IDs, which must never change: CloudFormation would
        # replace the tables of an installation.
        self.hooks = hooks = WcsHooks(self, "Default", settings, code=code)
        outputs = {
            "HooksUrl": hooks.url,
            "PoliciesTableName": hooks.policies.table_name,
            "SnapshotsTableName": hooks.snapshots.table_name,
            "SessionsTableName": hooks.sessions.table_name,
            "ListsTableName": hooks.lists.table_name,
            "LeasesTableName": hooks.leases.table_name,
            "DeadLetterQueueUrl": hooks.dead_letter_queue.queue_url,
            "DeadLetterTableName": hooks.dead_letter_table.table_name,
            "SignatureSecretArn": hooks.secret_arn,
            "PolicyEditorPolicyArn": hooks.policy_editors.managed_policy_arn,
            **{
                f"PolicyEditorPolicyArn{tenant}": policy.managed_policy_arn
                for tenant, policy in hooks.tenant_editors.items()
            },
            "ListEditorPolicyArn": hooks.list_editors.managed_policy_arn,
            "OperatorPolicyArn": hooks.operators.managed_policy_arn,
            "DashboardUrl": hooks.dashboard_url,
            "AlarmTopicArn": hooks.alarms_topic.topic_arn,
            "ConnectFunctionName": hooks.functions[Category.CONNECT].function_name,
            "DirectFunctionName": hooks.functions[Category.DIRECT].function_name,
            "EventFunctionName": hooks.functions[Category.EVENT].function_name,
            "IncomingFunctionName": hooks.functions[Category.INCOMING].function_name,
            "CompilerFunctionName": hooks.compiler.function_name,
            "FunctionAlias": LIVE,
            "Version": project_version(),
        }
        if hooks.domain is not None:
            outputs["DomainTarget"] = hooks.domain.attr_regional_domain_name
            outputs["DomainTargetHostedZoneId"] = hooks.domain.attr_regional_hosted_zone_id
        if hooks.event_bus is not None:
            outputs["EventBusName"] = hooks.event_bus.event_bus_name
        if hooks.token_secrets_arn:
            outputs["TokenSecretsArn"] = hooks.token_secrets_arn
        if hooks.subject_secret_arn:
            outputs["SubjectSecretArn"] = hooks.subject_secret_arn
        if packages is not None:
            # In outputs, which no function reads: `wcsctl verify` compares them with what runs.
            outputs |= {
                "CodeSha256": packages.hooks.code_sha256,
                "CompilerCodeSha256": packages.compiler.code_sha256,
                "CodeSources": packages.sources,
            }
        for name, value in outputs.items():
            CfnOutput(self, name, value=value)
