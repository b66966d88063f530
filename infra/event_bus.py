"""The EventBridge bus that events are published to, for whoever wants to act on them."""

from aws_cdk import aws_events as events
from constructs import Construct


class HookEventBus(Construct):
    """A bus without rules: those who listen add theirs.

    Attributes
    ----------
    bus
        Its events have the source ``wcs.hooks``, and the hook's method as their detail type.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        # EventBridge encrypts events at rest with a key of AWS's own, as DynamoDB does the sessions
        # that they are about. With a key of ours each listener's rule would depend on its policy,
        # and EventBridge would no longer discover the events' schemas.
        self.bus = events.EventBus(self, "Bus", description="Events of WCS, secrets masked")
