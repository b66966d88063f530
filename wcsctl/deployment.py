"""The deployment that a command is about, found by its stack's outputs."""

import json
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, Final
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config

from simulated_wcs.transport import HookTarget
from wcs_hooks.core.methods import Category
from wcsctl.errors import NotFoundError, UsageError
from wcsctl.saved_contexts import LOCAL_DIRECTORY, STACK, DeploymentPlace

_VARIABLES: Final = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_REGION",
    "AWS_ENDPOINT_URL",
)

_CONFIG: Final = Config(
    connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 4, "mode": "standard"}
)

_making_client: Final = Lock()


@dataclass(frozen=True)
class Deployment:
    """Where a stack is, and what its outputs say.

    Attributes
    ----------
    name
        How people call it: the stack's name, or `local`.
    session
        With the credentials and the region.
    endpoint
        The URL of every AWS service, for an emulator; none for AWS itself.
    outputs
        The stack's.
    stack_name
        What CloudFormation calls the stack.
    """

    name: str
    session: boto3.Session = field(repr=False)
    endpoint: str | None
    outputs: Mapping[str, str]
    stack_name: str = STACK
    _clients: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def at(cls, place: DeploymentPlace) -> "Deployment":
        """The deployment at a place.

        Raises
        ------
        NotFoundError
            If there is none.
        UsageError
            If no region is set.
        """
        if place.directory is not None:
            return cls.local(place.directory)
        return cls.stack(place.stack or STACK, place.profile, place.region)

    @classmethod
    def local(cls, directory: Path = LOCAL_DIRECTORY) -> "Deployment":
        """The deployment that `make local` made.

        Raises
        ------
        NotFoundError
            If there is none in the directory, or its files are damaged.
        """
        try:
            texts = [(directory / name).read_bytes() for name in ("outputs.json", "env")]
        except OSError:
            raise NotFoundError(
                f"There is no local deployment in {directory}: `make local` makes one. "
                "For another deployment: --stack, or `wcsctl context use`."
            ) from None
        try:
            # Whatever the stack's name is: a stage is part of it.
            [(stack, outputs)] = _stacks(texts[0]).items()
            variables = _variables(texts[1])
        except (ValueError, RecursionError):
            raise NotFoundError(
                f"The files of the local deployment in {directory} are damaged: "
                "`make local` writes them again."
            ) from None
        session = boto3.Session(
            aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
            region_name=variables["AWS_REGION"],
            botocore_session=_without_profiles(),
        )
        return cls("local", session, variables["AWS_ENDPOINT_URL"], outputs, stack)

    @classmethod
    def stack(cls, stack: str, profile: str | None, region: str | None) -> "Deployment":
        """A stack in an AWS account.

        Raises
        ------
        NotFoundError
            If there is no such stack there.
        UsageError
            If no region is set.
        """
        # As the AWS CLI has it; boto3 itself reads AWS_DEFAULT_REGION only.
        region = region or os.environ.get("AWS_REGION") or None
        session = boto3.Session(profile_name=profile, region_name=region)
        if session.region_name is None:
            raise UsageError(
                "No region is set: give --region, or set AWS_REGION; --local is for the deployment "
                "of `make local`."
            )
        client = session.client("cloudformation", config=_CONFIG)
        try:
            [found] = client.describe_stacks(StackName=stack)["Stacks"]
        except client.exceptions.ClientError as error:
            if "does not exist" in str(error):
                raise NotFoundError(
                    f"There is no stack {stack} in {session.region_name}: give --stack or --region."
                ) from None
            raise
        outputs = {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])}
        return cls(stack, session, None, outputs, stack)

    def client(self, service: str) -> Any:
        """Return the boto3 client of a service; it is made once."""
        # Threads may share clients, but not sessions.
        with _making_client:
            if service not in self._clients:
                self._clients[service] = self.session.client(
                    service,  # type: ignore[call-overload]  # any service by its name
                    endpoint_url=self.endpoint,
                    config=_CONFIG,
                )
            return self._clients[service]

    def output(self, name: str) -> str:
        """One of the stack's outputs.

        Raises
        ------
        NotFoundError
            If the stack has no such output: it is of another version, or another kind.
        """
        try:
            return self.outputs[name]
        except KeyError:
            raise NotFoundError(f"The stack {self.name} has no output {name}.") from None

    def function(self, category: Category) -> str:
        """The name of a category's function."""
        return self.output(f"{category.capitalize()}FunctionName")

    @property
    def alias(self) -> str:
        """The alias by which the categories' functions are called; empty if the stack has none."""
        return self.outputs.get("FunctionAlias", "")

    @cached_property
    def target(self) -> HookTarget:
        """Where hooks are sent; on an emulator with the Host header by which it distinguishes APIs.

        Few systems resolve that name, so the address is given as well.
        """
        if self.endpoint is None:
            return HookTarget(self.url)
        place = urlsplit(self.endpoint)
        host, port = place.hostname or "127.0.0.1", place.port or 80
        name = f"{self._api}.execute-api.localhost:{port}"
        return HookTarget(f"http://{name}", address=(host, port), host=name)

    @property
    def url(self) -> str:
        """The URL for WCS, and for any other HTTP client. In a shell it needs quotes: `$`."""
        if self.endpoint is None:
            return self.output("HooksUrl").rstrip("/")
        return f"{self.endpoint}/_aws/execute-api/{self._api}/$default"

    @property
    def _api(self) -> str:
        """The API's id: the first label of the stack's URL, which names AWS on an emulator too."""
        return (urlsplit(self.output("HooksUrl")).hostname or "").partition(".")[0]


def _stacks(text: bytes) -> dict[str, dict[str, str]]:
    """The outputs of each stack, as the CDK writes them; a `ValueError` if they are none."""
    stacks = json.loads(text)
    if not isinstance(stacks, dict) or not all(
        isinstance(outputs, dict) and all(isinstance(value, str) for value in outputs.values())
        for outputs in stacks.values()
    ):
        raise ValueError("no outputs of stacks")
    return stacks


def _variables(text: bytes) -> dict[str, str]:
    """What lines `export NAME=VALUE` set; a `ValueError` if a line or a variable is missing."""
    variables = {}
    for line in text.decode().splitlines():
        _, assignment = shlex.split(line)
        name, value = assignment.split("=", 1)
        variables[name] = value
    if not set(_VARIABLES) <= variables.keys() or not urlsplit(variables["AWS_ENDPOINT_URL"]).port:
        raise ValueError("a variable is missing")
    return variables


def _without_profiles() -> botocore.session.Session:
    """A session that reads no AWS profile: one that is missing must not stop the local run."""
    return botocore.session.Session(
        session_vars={
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
        }
    )
