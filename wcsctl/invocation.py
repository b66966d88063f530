"""Invokes a function of the deployment, and waits for its answer."""

import json
from collections.abc import Mapping
from typing import Any


def invoke(client: Any, name: str, event: Mapping[str, Any]) -> tuple[Any, str]:
    """Return what a function answers, and that it crashed, if it did.

    Parameters
    ----------
    client
        A boto3 client of Lambda.
    name
        The function's.
    """
    response = client.invoke(
        FunctionName=name,
        InvocationType="RequestResponse",
        Payload=json.dumps(event).encode(),
    )
    try:
        answer = json.loads(response["Payload"].read())
    except ValueError:
        answer = None
    if response.get("FunctionError"):
        error = answer if isinstance(answer, dict) else {}
        # Without errorMessage, which could quote the hook.
        return None, f"{name} crashed: {error.get('errorType', response['FunctionError'])}"
    return answer, ""
