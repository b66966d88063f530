"""What Lambda sets for every function.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html, but for what can only
differ here: where AWS is, where X-Ray's daemon listens, and where the function lies.
"""

from collections.abc import Mapping

REGION = "us-east-1"
ACCOUNT = "123456789012"
KEY = "testing"
"""All that the AWS of the benchmark asks for."""


def lambda_environment(aws_endpoint: str, xray_port: int, memory_mb: int) -> Mapping[str, str]:
    """The variables.

    Parameters
    ----------
    aws_endpoint
        The URL of every AWS service.
    xray_port
        Where X-Ray's daemon listens, on the loopback.
    memory_mb
        The function's setting.
    """
    return {
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": KEY,
        "AWS_SESSION_TOKEN": KEY,
        "AWS_ENDPOINT_URL": aws_endpoint,
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_LAMBDA_FUNCTION_NAME": "bench",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/bench",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/24/[$LATEST]bench",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{xray_port}",
        "LANG": "en_US.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin/:/bin",
        "TZ": ":UTC",
    }
