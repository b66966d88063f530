"""Findings of cdk-nag that are accepted, each on one construct and with the reason."""

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def acknowledge(construct: IConstruct, finding: str, reason: str) -> None:
    """Accept a finding, such as ``AwsSolutions-L1``, on a construct and those within it."""
    Validations.of(construct).acknowledge(Acknowledgment(id=finding, reason=reason))
