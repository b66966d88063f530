"""What a handler writes that follows the documentation of Powertools for AWS Lambda.

https://docs.aws.amazon.com/powertools/python/latest/: logger and metrics with their decorators, one
log line and one metric a call. Run as a program, likewise to `bench.model.reported_hooks`.
"""

import json
from types import SimpleNamespace
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.metrics import MetricUnit

from bench.model.hook_mix import KEEP_ALIVE

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_REST)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Echo a hook."""
    del context
    logger.info("looked for a policy", method=event["pathParameters"]["method"], found=False)
    metrics.add_metric(name="Calls", unit=MetricUnit.Count, value=1)
    return {"statusCode": 200, "body": event["body"]}


def main() -> None:
    """Answer a first call, whose start is counted, and another."""
    name = "WcsHooks-DirectFunction1234ABCD-0a1b2c3d4e5f"
    context = SimpleNamespace(
        function_name=name,
        function_version="$LATEST",
        memory_limit_in_mb=1024,
        invoked_function_arn=f"arn:aws:lambda:us-east-1:123456789012:function:{name}",
        aws_request_id="8f507cfc-ee49-115b-a5b6-4fd21e8dedac",
    )
    event = {
        "pathParameters": {"method": KEEP_ALIVE},
        "requestContext": {"requestId": "c793869b-ee49-115b-a5b6-4fd21e8dedac"},
        "body": "{}",
    }
    for case in ("first", "call"):
        print(json.dumps({"case": case}))  # noqa: T201 - it is the program's output
        handler(event, context)


if __name__ == "__main__":
    main()
