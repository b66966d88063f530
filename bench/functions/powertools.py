"""The Powertools baseline: an echo as the documentation of Powertools for AWS Lambda writes it.

https://docs.aws.amazon.com/powertools/python/latest/: the event handler for HTTP APIs, the logger,
the metrics and the tracer, with their decorators, and a table that is looked into for a policy.
It does not check who is calling.
"""

import os

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response, content_types
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

tracer = Tracer()
logger = Logger()
metrics = Metrics()
app = APIGatewayHttpResolver()
table = boto3.resource("dynamodb").Table(os.environ["POLICIES_TABLE"])


@app.post("/<method>")
@tracer.capture_method
def answer(method: str) -> Response[str]:
    """Look for a policy, and echo the hook."""
    if os.environ["LOOK_FOR_POLICY"] == "true":
        policy = table.get_item(Key={"app": "*", "id": method}).get("Item")
        logger.info("looked for a policy", method=method, found=policy is not None)
    metrics.add_metric(name="Calls", unit=MetricUnit.Count, value=1)
    return Response(
        status_code=200,
        content_type=content_types.APPLICATION_JSON,
        body=app.current_event.body,
    )


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP)
@tracer.capture_lambda_handler
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, object], context: LambdaContext) -> dict[str, object]:
    """Answer a request of the gateway."""
    return app.resolve(event, context)
