"""The HTTP API that WCS calls."""

import json
from collections.abc import Mapping
from typing import Final, cast

from aws_cdk import Aws, Fn
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_kms as kms
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
        The API.
    url
        The application URL to configure in WCS: that of the custom domain if there is one.
    domain
        The custom domain, with the setting ``domainName``; None without it.
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
        key: kms.IKey | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.api = apigateway.HttpApi(
            self,
            "Api",
            description="Answers the REST hooks of WCS",
            create_default_stage=False,
            # Else what is set up for the domain, such as a firewall before it, could be passed by.
            disable_execute_api_endpoint=True if settings.domain_name else None,
        )
        integrations = {
            # A permission for the whole API rather than one per route: a function's policy is
            # limited to 20 KB, and the functions do not distinguish callers by route.
            category: HttpLambdaIntegration(
                category.capitalize(), function, scope_permission_to_route=False
            )
            for category, function in functions.items()
        }
        routes = {f"/{name}": method.category for name, method in METHODS.items()}
        routes[UNKNOWN_METHOD_PATH] = Category.EVENT
        made: dict[str, apigateway.HttpRoute] = {}
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
                made[path] = route
        self._permit_before_use()
        self.access_logs = self._access_logs(settings, key)
        stage = self._stage(self.access_logs)
        _limit_unknown_methods(stage, made[UNKNOWN_METHOD_PATH], settings)
        self.domain = self._custom_domain(stage, settings)
        self.url = (
            f"https://{settings.domain_name}" if settings.domain_name else self.api.api_endpoint
        )

    def _access_logs(self, settings: Settings, key: kms.IKey | None) -> logs.LogGroup:
        """Make the log group that the gateway may write to without a resource policy of its own.

        Groups of other names are added to the account's resource policy one by one; it is limited
        to 5,120 characters, and no API can be deployed once it is full.
        https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html
        """
        group = log_group(self, "AccessLogs", settings, key)
        resource = cast("logs.CfnLogGroup", group.node.default_child)
        # A group outlives its stack, whose name may be used again: the stack's ID never is.
        stack_id = Fn.select(2, Fn.split("/", Aws.STACK_ID))
        resource.log_group_name = (
            f"{_DELIVERED_LOGS}/{Aws.STACK_NAME}/{resource.logical_id}-{stack_id}"
        )
        return group

    def _permit_before_use(self) -> None:
        """Let no integration call by an alias before the gateway may, as an update could."""
        made = self.api.node.find_all()
        permissions = [each for each in made if isinstance(each, lambda_.CfnPermission)]
        for each in made:
            if isinstance(each, apigateway.CfnIntegration):
                each.node.add_dependency(*permissions)

    def _custom_domain(
        self, stage: apigateway.CfnStage, settings: Settings
    ) -> apigateway.CfnDomainName | None:
        if not settings.domain_name:
            return None
        domain = apigateway.CfnDomainName(
            self,
            "Domain",
            domain_name=settings.domain_name,
            domain_name_configurations=[
                apigateway.CfnDomainName.DomainNameConfigurationProperty(
                    certificate_arn=settings.certificate_arn,
                    endpoint_type="REGIONAL",
                    security_policy="TLS_1_2",
                )
            ],
        )
        apigateway.CfnApiMapping(
            self,
            "DomainMapping",
            api_id=self.api.api_id,
            domain_name=domain.ref,
            stage=stage.ref,
        )
        return domain

    def _stage(self, access_logs: logs.ILogGroup) -> apigateway.CfnStage:
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
        return stage


def _limit_unknown_methods(
    stage: apigateway.CfnStage, route: apigateway.HttpRoute, settings: Settings
) -> None:
    rate = settings.unknown_method_rate_limit
    if not rate:
        return
    # As CloudFormation spells it: the property is plain JSON.
    stage.route_settings = {
        f"POST {UNKNOWN_METHOD_PATH}": {
            "ThrottlingRateLimit": rate,
            "ThrottlingBurstLimit": settings.unknown_method_burst_limit or rate,
        }
    }
    # A stage may only have settings for routes that exist.
    stage.node.add_dependency(route)
