"""The operator's settings, read from the CDK context into one typed, validated object.

They are in ``cdk.json`` under ``"wcsHooks"``; each can be overridden on the command line with
``-c name=value``, where every value is a string.
"""

import dataclasses
import difflib
import ipaddress
import itertools
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple, Self

from wcs_hooks.core.caller import Auth, RestApiCalls
from wcs_hooks.core.methods import Category
from wcs_hooks.core.policy.vocabulary import EVERY_APP
from wcs_hooks.core.secrets import is_masked
from wcs_hooks.core.subject import check_subject_expression
from wcs_hooks.telemetry.catalogue import namespace_of

CONTEXT_KEY: Final = "wcsHooks"
"""The context key that holds the settings in ``cdk.json``."""

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_STAGE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,18}[A-Za-z0-9])?")
_USER = re.compile(r"[\x21-\x39\x3b-\x7e]{1,64}")
_TENANT = re.compile(r"[A-Za-z][A-Za-z0-9]{0,31}")
_APP = re.compile(r"(?![*]$)[^#$\s][^$\s]{0,63}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_DOMAIN = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))+")
_CERTIFICATE = re.compile(r"arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate/[\w-]+")
_KEY = re.compile(r"create|arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[\w-]+")
_URL = re.compile(r"https?://[^\s#]+")

_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")

_MAX_LOGGED_FIELDS: Final = 20

_MAX_EXPRESSION: Final = 500
"""Characters: the functions' environment variables have 4 KB together."""

_MAX_APPS: Final = 20
"""An IAM policy has 6,144 characters, and a tenant's names each app three times."""

_LOG_RETENTION_DAYS: Final = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
"""The only retentions that CloudWatch Logs knows."""

_MOST_ADDRESS_CHARACTERS: Final = 2_000
"""Lambda limits all of a function's environment variables to 4 KB together."""


class SettingsError(Exception):
    """A setting is unknown or has a value that is not allowed. The text is one line."""


class Packaging(StrEnum):
    """For which machine the functions' dependencies are packaged."""

    LAMBDA = "lambda"
    HOST = "host"


class Architecture(StrEnum):
    """Lambda's processor architectures."""

    ARM64 = "arm64"
    X86_64 = "x86_64"


class Removal(StrEnum):
    """What becomes of tables, queue, secret and logs when the stack is deleted."""

    RETAIN = "retain"
    DESTROY = "destroy"


class SubjectForm(StrEnum):
    """How decision lines and events show who is behind a hook."""

    OFF = "off"
    PLAIN = "plain"
    HASH = "hash"


class Tracing(StrEnum):
    """Whether Lambda records traces of the functions that answer hooks."""

    ACTIVE = "active"
    PASS_THROUGH = "pass-through"  # noqa: S105 - no password


@dataclasses.dataclass(frozen=True, slots=True)
class Tenant:
    """Apps whose policies the same people edit.

    Attributes
    ----------
    name
        Part of the output with their managed policy, ``PolicyEditorPolicyArn<name>``.
    apps
        The ``appKey`` of each.
    """

    name: str
    apps: tuple[str, ...]


class DeploymentStrategy(StrEnum):
    """How a new version of a hook function takes over from the one before."""

    ALL_AT_ONCE = "all-at-once"
    CANARY = "canary"


class Concurrency(NamedTuple):
    """How many executions at the same time are set aside for each category; 0 for none."""

    connect: int = 0
    direct: int = 0
    event: int = 0
    incoming: int = 0

    def for_category(self, category: Category) -> int | None:
        """The category's number, or None if none are set aside."""
        return int(getattr(self, category)) or None


type _Parser = Callable[[object], object]
"""Turns a context value into a setting's value, or raises ValueError with what is allowed."""


def _choice(kind: type[StrEnum]) -> _Parser:
    allowed = "one of " + ", ".join(kind)

    def parse(value: object) -> StrEnum:
        try:
            return kind(str(value))
        except ValueError:
            raise ValueError(allowed) from None

    return parse


def _number(allowed: str, low: float, high: float) -> _Parser:
    def parse(value: object) -> float:
        try:
            number = float(value) if isinstance(value, (str, int, float)) else math.nan
        except ValueError:
            number = math.nan
        if isinstance(value, bool) or not low <= number <= high:
            raise ValueError(allowed)
        return number

    return parse


def _whole(allowed: str, low: int, high: int) -> _Parser:
    in_range = _number(allowed, low, high)

    def parse(value: object) -> int:
        number = in_range(value)
        if not isinstance(number, float) or not number.is_integer():
            raise ValueError(allowed)
        return int(number)

    return parse


def _text(allowed: str, pattern: re.Pattern[str], *, optional: bool) -> _Parser:
    def parse(value: object) -> str:
        if optional and value == "":
            return ""
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise ValueError(allowed)
        return value

    return parse


def _flag(value: object) -> bool:
    match value:
        case bool():
            return value
        case "true":
            return True
        case "false":
            return False
        case _:
            raise ValueError("true or false")


def _log_retention(value: object) -> int:
    allowed = "a number of days that CloudWatch Logs knows: " + ", ".join(
        map(str, _LOG_RETENTION_DAYS)
    )
    days = _whole(allowed, 1, _LOG_RETENTION_DAYS[-1])(value)
    if days not in _LOG_RETENTION_DAYS or not isinstance(days, int):
        raise ValueError(allowed)
    return days


def _networks(value: object) -> tuple[str, ...]:
    """Read a list of CIDR blocks, or their comma-separated form."""
    allowed = "a list of CIDR blocks, such as 203.0.113.0/24 (on the command line: with commas)"
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, (list, tuple)):
        raise ValueError(allowed)  # noqa: TRY004 - one kind of error for all wrong values
    try:
        return tuple(str(ipaddress.ip_network(block)) for block in value)
    except ValueError as error:
        raise ValueError(f"{allowed}; {error}") from None


def _logged_fields(value: object) -> tuple[str, ...]:
    """Read a list of fields, or their comma-separated form."""
    allowed = (
        f"a list of at most {_MAX_LOGGED_FIELDS} top-level fields of hooks, such as name,callee"
    )
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, (list, tuple)) or len(value) > _MAX_LOGGED_FIELDS:
        raise ValueError(allowed)
    for name in value:
        if not isinstance(name, str) or not _FIELD.fullmatch(name):
            raise ValueError(f"{allowed}; {name!r} is not the name of one")
        if is_masked(name):
            raise ValueError(f"{allowed}; {name} is a secret, and never logged")
    return tuple(dict.fromkeys(value))


def _subject_expression(value: object) -> str:
    """Read an expression, which functions are given as it is written."""
    allowed = (
        f"empty, or a CEL expression of at most {_MAX_EXPRESSION} characters that gives a string, "
        "such as session.custom.login"
    )
    if not isinstance(value, str) or len(value) > _MAX_EXPRESSION:
        raise ValueError(allowed)
    if value:
        try:
            check_subject_expression(value)
        except ValueError as error:
            raise ValueError(f"{allowed}; {' '.join(str(error).split())}") from None
    return value


def _tenants(value: object) -> tuple[Tenant, ...]:
    """Read an object with the apps of each tenant, or its JSON text."""
    allowed = (
        'an object with a list of apps for each tenant, such as {"Acme": ["acme-live"]}; a name is '
        f"letters and digits, and an app is not {EVERY_APP}"
    )
    if isinstance(value, str):
        try:
            value = json.loads(value) if value else {}
        except ValueError:
            raise ValueError(allowed) from None
    if not isinstance(value, Mapping):
        raise ValueError(allowed)  # noqa: TRY004 - one kind of error for all wrong values
    for name, apps in value.items():
        if not _TENANT.fullmatch(str(name)):
            raise ValueError(f"{allowed}; {name!r} is not a name")
        if not isinstance(apps, list) or not apps or len(apps) > _MAX_APPS:
            raise ValueError(f"{allowed}; {name} needs a list of 1 to {_MAX_APPS} apps")
        for app in apps:
            if not isinstance(app, str) or not _APP.fullmatch(app):
                raise ValueError(f"{allowed}; {app!r} of {name} is not an app")
    return tuple(Tenant(name, tuple(apps)) for name, apps in value.items())


def _concurrency(value: object) -> Concurrency:
    """Read an object of categories, or its form ``connect=5,direct=10``."""
    allowed = (
        "whole numbers from 1 to 10000 by category, such as connect=5,direct=10 (in cdk.json an "
        f"object); the categories are {', '.join(Category)}"
    )
    if isinstance(value, str):
        parts = [part.partition("=") for part in value.split(",") if part.strip()]
        value = {name.strip(): number.strip() for name, _, number in parts}
    if not isinstance(value, Mapping) or not value.keys() <= set(Category):
        raise ValueError(allowed)
    number = _whole(allowed, 1, 10_000)
    return Concurrency(**{name: number(each) for name, each in value.items()})  # type: ignore[arg-type]


def _setting(name: str, parse: _Parser) -> dict[str, Any]:
    return {"name": name, "parse": parse}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an operator can choose. The defaults are the same as in ``cdk.json``.

    Attributes
    ----------
    stage
        Appended to the stack's name and to the namespace of its metrics, so that several
        deployments fit in one account and region.
    auth
        How callers prove who they are.
    basic_user
        The user of HTTP Basic credentials, for ``auth`` basic; the password is the secret's.
    allowed_sources
        CIDR blocks that hooks may come from; none means any address.
    trusted_proxies
        CIDR blocks of proxies in front of the API, such as CloudFront's. A hook that comes from one
        of them counts, for ``allowed_sources``, as sent by the address that this proxy wrote last
        into X-Forwarded-For. From anywhere else the header means nothing.
    reply_timeout
        Seconds within which a hook is answered, whatever AWS calls do. WCS waits 15 s by default.
    snapshot_ttl
        Seconds for which a function uses a snapshot before it looks for a newer one.
    snapshot_retention_days
        Days for which a snapshot that is no longer active is kept for a rollback.
    session_ttl_days
        Days after which a session that never disconnected is forgotten.
    rest_api_calls
        Whether a denial counts for what was started through the WCS REST API (``as-client``), which
        the vendor forbids (``never-deny``).
    keep_alive_interval
        Seconds between two keep-alives of a stream, as WCS is set up: by them a stream holds a
        place that a limit counts.
    call_lease_hours, session_lease_hours
        Hours after which a call and a session that never ended give back what they hold.
    keys_refresh_minutes
        Minutes after which the keys of token issuers are fetched again.
    keys_stale_hours
        Hours for which an issuer's keys count after they were fetched, if it does not answer.
    token_secrets
        Whether the stack has a secret for ``secret:<name>``, with which tokens and stream keys are
        signed. It costs 0.40 USD a month.
    event_bus
        Whether events are published to an EventBridge bus, which the stack then has.
    event_bus_keep_alive
        Whether StreamKeepAliveEvent is published too: one every few seconds for each stream.
    echo_log_sample_rate
        The share of plain echoes that get a log line, 0 to 1.
    logged_fields
        Top-level fields of hooks that lines of the decision log show, secrets in them masked.
    explain_decisions
        Whether lines of the decision log say which policies were passed over, and why.
    subject
        How decision lines and events show who is behind a hook: not at all (``off``), as it is
        (``plain``), or by a hash with a secret of its own (``hash``), 0.40 USD a month.
    subject_expression
        A CEL expression that says who it is where no token proves it.
    echo_metrics_seconds
        For how long a busy function batches plain echoes before it counts them in one line; 0 for a
        line each.
    log_retention_days
        Days for which logs are kept.
    tracing
        Whether X-Ray has traces of the functions that answer hooks (``active``), or only those that
        a caller began (``pass-through``). Lambda's share, 5 %, cannot be set.
    memory_size
        Each function's memory in MB; processor time comes with it.
    packaging
        ``lambda`` for the cloud, ``host`` for an emulator that runs functions on this machine.
    architecture
        The functions' processor in the cloud. With ``packaging`` host it is this machine's.
    removal
        Whether deleting the stack leaves its data (``retain``) or deletes that too.
    deployment
        Whether a new version of a hook function takes all hooks at once, or a tenth of them for
        five minutes before that (``canary``), and none if the function's alarms go off.
    provisioned_concurrency
        Environments of each category's function that are kept started.
    reserved_concurrency
        Executions of each category's function that no other function of the account can take, and
        beyond which it is throttled.
    unknown_method_rate_limit, unknown_method_burst_limit
        Requests per second, and at once, to paths that are not a known method's; 0 for the
        account's own limits. Without a burst limit it is the rate limit.
    domain_name
        The host of the URL for WCS. The API's own address is turned off; empty for that.
    certificate_arn
        The domain's certificate in ACM, in the stack's region.
    customer_managed_key
        What encrypts tables, queue, secret and logs: a key of AWS's (empty), a key that the stack
        makes (``create``), or the key with this ARN.
    deletion_protection
        Whether tables and stack refuse to be deleted.
    runbook_url
        Where alarms say that the runbook is; empty for its path in this repository.
    ok_notifications
        Whether the topic also gets a message when an alarm is over.
    alarm_email
        An address that is notified of alarms; if none, only the topic is.
    tenants
        Who edits the policies of some apps only: a managed policy is made for each tenant.
    local
        For an emulator: deploys with the CLI's own credentials, not with the roles made by ``cdk
        bootstrap``, and does not insist on TLS.
    """

    stage: str = dataclasses.field(
        default="",
        metadata=_setting(
            "stage",
            _text("empty, or up to 20 letters, digits and inner hyphens", _STAGE, optional=True),
        ),
    )
    auth: Auth = dataclasses.field(default=Auth.HMAC, metadata=_setting("auth", _choice(Auth)))
    basic_user: str = dataclasses.field(
        default="wcs",
        metadata=_setting(
            "basicUser",
            _text("up to 64 printable characters but blank and colon", _USER, optional=False),
        ),
    )
    allowed_sources: tuple[str, ...] = dataclasses.field(
        default=(), metadata=_setting("allowedSources", _networks)
    )
    trusted_proxies: tuple[str, ...] = dataclasses.field(
        default=(), metadata=_setting("trustedProxies", _networks)
    )
    reply_timeout: float = dataclasses.field(
        default=2.0,
        # WCS gives up after 15 s, and the function needs a margin to say that it failed.
        metadata=_setting("replyTimeout", _number("seconds from 0.1 to 10", 0.1, 10)),
    )
    snapshot_ttl: float = dataclasses.field(
        # An edit is to be active within 5 s, of which the stream and a cold compiler take their
        # share first. It costs each busy function instance a read of the pointers a second.
        default=1.0,
        metadata=_setting("snapshotTtl", _number("seconds from 0 to 300", 0, 300)),
    )
    snapshot_retention_days: int = dataclasses.field(
        default=30,
        metadata=_setting("snapshotRetentionDays", _whole("whole days from 1 to 3650", 1, 3650)),
    )
    session_ttl_days: int = dataclasses.field(
        default=7,
        metadata=_setting("sessionTtlDays", _whole("whole days from 1 to 365", 1, 365)),
    )
    rest_api_calls: RestApiCalls = dataclasses.field(
        default=RestApiCalls.NEVER_DENY, metadata=_setting("restApiCalls", _choice(RestApiCalls))
    )
    lists_cache_seconds: float = dataclasses.field(
        default=0.0,
        metadata=_setting("listsCacheSeconds", _number("seconds from 0 to 60", 0, 60)),
    )
    keep_alive_interval: float = dataclasses.field(
        default=10.0,
        metadata=_setting("keepAliveInterval", _number("seconds from 1 to 300", 1, 300)),
    )
    call_lease_hours: int = dataclasses.field(
        default=4,
        metadata=_setting("callLeaseHours", _whole("whole hours from 1 to 168", 1, 168)),
    )
    session_lease_hours: int = dataclasses.field(
        default=24,
        metadata=_setting("sessionLeaseHours", _whole("whole hours from 1 to 168", 1, 168)),
    )
    keys_refresh_minutes: int = dataclasses.field(
        default=5,
        metadata=_setting("keysRefreshMinutes", _whole("whole minutes from 1 to 60", 1, 60)),
    )
    keys_stale_hours: int = dataclasses.field(
        default=24,
        metadata=_setting("keysStaleHours", _whole("whole hours from 1 to 168", 1, 168)),
    )
    token_secrets: bool = dataclasses.field(default=False, metadata=_setting("tokenSecrets", _flag))
    event_bus: bool = dataclasses.field(default=False, metadata=_setting("eventBus", _flag))
    event_bus_keep_alive: bool = dataclasses.field(
        default=False, metadata=_setting("eventBusKeepAlive", _flag)
    )
    echo_log_sample_rate: float = dataclasses.field(
        default=0.01,
        metadata=_setting("echoLogSampleRate", _number("a share from 0 to 1", 0, 1)),
    )
    logged_fields: tuple[str, ...] = dataclasses.field(
        default=(), metadata=_setting("loggedFields", _logged_fields)
    )
    explain_decisions: bool = dataclasses.field(
        default=False, metadata=_setting("explainDecisions", _flag)
    )
    subject: SubjectForm = dataclasses.field(
        default=SubjectForm.OFF, metadata=_setting("subject", _choice(SubjectForm))
    )
    subject_expression: str = dataclasses.field(
        default="", metadata=_setting("subjectExpression", _subject_expression)
    )
    echo_metrics_seconds: float = dataclasses.field(
        default=5.0,
        # Metrics are watched by the minute: what is counted later than that is counted too late.
        metadata=_setting("echoMetricsSeconds", _number("seconds from 0 to 60", 0, 60)),
    )
    log_retention_days: int = dataclasses.field(
        default=30, metadata=_setting("logRetentionDays", _log_retention)
    )
    tracing: Tracing = dataclasses.field(
        default=Tracing.PASS_THROUGH, metadata=_setting("tracing", _choice(Tracing))
    )
    memory_size: int = dataclasses.field(
        default=1024,
        metadata=_setting("memorySize", _whole("whole MB from 128 to 10240", 128, 10240)),
    )
    packaging: Packaging = dataclasses.field(
        default=Packaging.LAMBDA, metadata=_setting("packaging", _choice(Packaging))
    )
    architecture: Architecture = dataclasses.field(
        default=Architecture.ARM64, metadata=_setting("architecture", _choice(Architecture))
    )
    removal: Removal = dataclasses.field(
        default=Removal.RETAIN, metadata=_setting("removal", _choice(Removal))
    )
    deployment: DeploymentStrategy = dataclasses.field(
        default=DeploymentStrategy.ALL_AT_ONCE,
        metadata=_setting("deployment", _choice(DeploymentStrategy)),
    )
    provisioned_concurrency: Concurrency = dataclasses.field(
        default=Concurrency(), metadata=_setting("provisionedConcurrency", _concurrency)
    )
    reserved_concurrency: Concurrency = dataclasses.field(
        default=Concurrency(), metadata=_setting("reservedConcurrency", _concurrency)
    )
    unknown_method_rate_limit: int = dataclasses.field(
        default=0,
        metadata=_setting(
            "unknownMethodRateLimit", _whole("whole requests/s from 0 to 10000", 0, 10_000)
        ),
    )
    unknown_method_burst_limit: int = dataclasses.field(
        default=0,
        metadata=_setting(
            "unknownMethodBurstLimit", _whole("whole requests from 0 to 5000", 0, 5_000)
        ),
    )
    domain_name: str = dataclasses.field(
        default="",
        metadata=_setting(
            "domainName",
            _text(
                "empty or a domain in lower case, such as hooks.example.com", _DOMAIN, optional=True
            ),
        ),
    )
    certificate_arn: str = dataclasses.field(
        default="",
        metadata=_setting(
            "certificateArn",
            _text("empty or the ARN of a certificate in ACM", _CERTIFICATE, optional=True),
        ),
    )
    customer_managed_key: str = dataclasses.field(
        default="",
        metadata=_setting(
            "customerManagedKey",
            _text("empty, create, or the ARN of a KMS key (not of an alias)", _KEY, optional=True),
        ),
    )
    deletion_protection: bool = dataclasses.field(
        default=False, metadata=_setting("deletionProtection", _flag)
    )
    runbook_url: str = dataclasses.field(
        default="",
        metadata=_setting(
            "runbookUrl", _text("empty or an http(s) URL without a fragment", _URL, optional=True)
        ),
    )
    ok_notifications: bool = dataclasses.field(
        default=False, metadata=_setting("okNotifications", _flag)
    )
    alarm_email: str = dataclasses.field(
        default="",
        metadata=_setting("alarmEmail", _text("empty or an e-mail address", _EMAIL, optional=True)),
    )
    tenants: tuple[Tenant, ...] = dataclasses.field(
        default=(), metadata=_setting("tenants", _tenants)
    )
    local: bool = dataclasses.field(default=False, metadata=_setting("local", _flag))

    def __post_init__(self) -> None:
        """Check what depends on several settings.

        Raises
        ------
        SettingsError
            For the first contradiction.
        """
        for contradiction in itertools.chain(self._contradictions(), self._unlike_the_emulator()):
            raise SettingsError(contradiction)

    def _contradictions(self) -> Iterator[str]:
        if self.domain_name and not self.certificate_arn:
            yield "setting domainName: needs certificateArn, a certificate for it in ACM"
        if self.certificate_arn and not self.domain_name:
            yield "setting certificateArn: needs domainName, the domain that it certifies"
        if self.trusted_proxies and not self.allowed_sources:
            yield (
                "setting trustedProxies: has no effect without allowedSources; set the addresses "
                "that WCS calls from, or leave it out"
            )
        characters = len(",".join((*self.allowed_sources, *self.trusted_proxies)))
        if self.trusted_proxies and characters > _MOST_ADDRESS_CHARACTERS:
            yield (
                f"setting trustedProxies: has {characters} characters together with "
                f"allowedSources, of which {_MOST_ADDRESS_CHARACTERS} fit into a function's "
                "environment; use fewer, wider blocks"
            )
        if self.subject_expression and self.subject is SubjectForm.OFF:
            yield "setting subjectExpression: has no effect with subject=off; use plain or hash"
        if self.unknown_method_burst_limit and not self.unknown_method_rate_limit:
            yield "setting unknownMethodBurstLimit: needs unknownMethodRateLimit"
        for category in Category:
            provisioned = self.provisioned_concurrency.for_category(category)
            reserved = self.reserved_concurrency.for_category(category)
            if provisioned and reserved and provisioned > reserved:
                yield (
                    f"setting provisionedConcurrency: {category}={provisioned} is more than "
                    f"reservedConcurrency allows the function, {reserved}"
                )
        if self.deletion_protection and self.removal is Removal.DESTROY:
            yield "setting deletionProtection: contradicts removal=destroy; use removal=retain"

    def _unlike_the_emulator(self) -> Iterator[str]:
        if self.domain_name and self.local:
            yield (
                "setting domainName: an emulator is reached by an address of its own; leave it out "
                "with local"
            )
        if self.deployment is DeploymentStrategy.CANARY and self.local:
            yield (
                "setting deployment: canary needs CodeDeploy, which the emulator does not have; "
                "use all-at-once with local"
            )

    @property
    def stack_name(self) -> str:
        """The stack's name, with the stage where one is given."""
        return f"WcsHooks-{self.stage}" if self.stage else "WcsHooks"

    @property
    def service_name(self) -> str:
        """The dimension ``service`` of the metrics that have it."""
        return f"wcs-hooks-{self.stage}" if self.stage else "wcs-hooks"

    @property
    def metric_namespace(self) -> str:
        """The namespace of the stage's metrics, which no other stage of an account uses."""
        return namespace_of(self.stage)

    @classmethod
    def from_context(cls, context: Mapping[str, object]) -> Self:
        """Read the settings from a CDK application's whole context.

        Parameters
        ----------
        context
            What ``app.node.get_all_context()`` returns: ``cdk.json``'s ``wcsHooks`` object, and on
            the top level what was given with ``-c``, which wins.

        Raises
        ------
        SettingsError
            For the first setting that is unknown or has a value that is not allowed.

        Examples
        --------
        >>> Settings.from_context({"wcsHooks": {"auth": "basic"}, "stage": "test"}).stack_name
        'WcsHooks-test'
        """
        own = context.get(CONTEXT_KEY, {})
        if not isinstance(own, Mapping):
            message = f"setting {CONTEXT_KEY}: {own!r} is not allowed; use an object of settings"
            raise SettingsError(message)
        # The CDK's own context keys all have a colon, a hyphen or a slash in them. What looks like
        # a name is meant for us, and a misspelt one must not pass in silence.
        given = {
            name: value
            for name, value in context.items()
            if name != CONTEXT_KEY and _IDENTIFIER.fullmatch(name)
        }
        values = dict(own) | given
        fields = {field.metadata["name"]: field for field in dataclasses.fields(cls)}
        for name in (*values, *filter(_is_meant_for_us(fields), context)):
            if name not in fields:
                raise SettingsError(_unknown(name, fields))
        parsed: dict[str, Any] = {
            fields[name].name: _parsed(fields[name], value) for name, value in values.items()
        }
        return cls(**parsed)


def _is_meant_for_us(known: Iterable[str]) -> Callable[[str], bool]:
    """Recognise names such as `wcsHooks.auth` and `reply-timeout`, which no context key has."""
    joined = {name.lower() for name in known}

    def is_meant(name: str) -> bool:
        return name.startswith(f"{CONTEXT_KEY}.") or _joined(name) in joined

    return is_meant


def _joined(name: str) -> str:
    """A name's letters and digits, without what stands between its words."""
    return re.sub(r"[-_. ]", "", name).lower()


def _parsed(field: dataclasses.Field[Any], value: object) -> object:
    try:
        return field.metadata["parse"](value)
    except ValueError as error:
        message = f"setting {field.metadata['name']}: {value!r} is not allowed; use {error}"
        raise SettingsError(message) from None


def _unknown(name: str, known: Iterable[str]) -> str:
    by_joined = {_joined(each): each for each in sorted(known)}
    wanted = _joined(name.removeprefix(f"{CONTEXT_KEY}."))
    near = difflib.get_close_matches(wanted, by_joined, n=1)
    if near:
        hint = f"did you mean {by_joined[near[0]]}?"
    else:
        hint = "use one of " + ", ".join(by_joined.values())
    return f"setting {name}: there is no such setting; {hint}"
