"""Who edits: what AWS says of the credentials that wcsctl uses."""

from botocore.exceptions import BotoCoreError, ClientError

from wcsctl.deployment import Deployment
from wcsctl.local_user import local_user


def caller_of(deployment: Deployment) -> str:
    """The ARN of whoever calls, such as `arn:aws:sts::123456789012:assumed-role/Editor/anna`.

    Anybody who may write policies may also write another name: a proof is in CloudTrail only. On an
    emulator, where all are root, and if STS does not answer, it is the user of this computer.
    """
    if deployment.endpoint is not None:
        return local_user()
    try:
        arn: str = deployment.client("sts").get_caller_identity()["Arn"]
    except (BotoCoreError, ClientError):
        return local_user()
    return arn
