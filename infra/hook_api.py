"""The HTTP API that WCS calls."""

import json
from collections.abc import Mapping
from typing import Final, cast

from aws_cdk import Aws, Fn
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration
from constructs import Construct

from infra.acknowledgement import acknowledge
from infra.retention import log_group
from infra.settings import Settings
from wcs_hooks.core.methods import METHODS, Category

UNKNOWN_METHOD_PATH: Final = "/{method}"

_DELIVERED_LOGS: Final = "/aws/vendedlogs"

_ACCESS_LOG: Final = {
    "apiId": "$context.apiId",
    "requestId": "$context.requestId",
    "sourceIp": "$context.identity.sourceIp",
    "path": "$context.path",
    "status": "$context.status",
    "integrationError": "$context.integrationErrorMessage",
}
"""Who called what, and what came of it: each field is paid for with each hook, and latencies are
metrics of the gateway's own. No header is among them: Authorization would be a secret."""


class HookApi(Construct):
    """A route for every known method, and one for those that a newer WCS may add.

    Attributes
    ----------
    api
        The API, whose endpoint is the application URL to tell WCS.
    access_logs
        One JSON line per request.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        settings: Settings,
        *,
        functions: Mapping[Category, lambda_.IFunction],
    ) -> None:
        super().__init__(scope, construct_id)
        self.api = apigateway.HttpApi(
            self,
            "Api",
            description="Answers the REST hooks of WCS",
            create_default_stage=False,
        )
        integrations = {
            # A permission for the whole API rather than one per route: a function's policy is
            # limited to 20 KB, and the functions do not tell callers apart by route.
            category: HttpLambdaIntegration(
                category.capitalize(), function, scope_permission_to_route=False
            )
            for category, function in functions.items()
        }
        routes = {f"/{name}": method.category for name, method in METHODS.items()}
        routes[UNKNOWN_METHOD_PATH] = Category.EVENT
        for path, category in routes.items():
            for route in self.api.add_routes(
                path=path, methods=[apigateway.HttpMethod.POST], integration=integrations[category]
            ):
                acknowledge(
                    route,
                    "AwsSolutions-APIG4",
                    reason="The function checks the caller: the signature covers the body, which "
                    "no authorizer of an HTTP API sees.",
                )
        self.access_logs = self._access_logs(settings)
        self._stage(self.access_logs)

    def _access_logs(self, settings: Settings) -> logs.LogGroup:
        """Make the log group that the gateway may write to without a resource policy of its own.

        Groups of other names are added to the account's resource policy one by one; it is limited
        to 5,120 characters, and no API can be deployed once it is full.
        https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html
        """
        group = log_group(self, "AccessLogs", settings)
        resource = cast("logs.CfnLogGroup", group.node.default_child)
        # A group outlives its stack, whose name may be used again: the stack's ID never is.
        stack_id = Fn.select(2, Fn.split("/", Aws.STACK_ID))
        resource.log_group_name = (
            f"{_DELIVERED_LOGS}/{Aws.STACK_NAME}/{resource.logical_id}-{stack_id}"
        )
        return group

    def _stage(self, access_logs: logs.ILogGroup) -> None:
        stage = apigateway.CfnStage(
            self,
            "Stage",
            api_id=self.api.api_id,
            stage_name="$default",
            auto_deploy=True,
            access_log_settings=apigateway.CfnStage.AccessLogSettingsProperty(
                destination_arn=access_logs.log_group_arn, format=json.dumps(_ACCESS_LOG)
            ),
        )
        acknowledge(
            stage,
            "Serverless-APIGWDefaultThrottling",
            reason="A limit below the account's would turn a burst of hooks into refusals.",
        )
