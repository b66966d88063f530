"""Everything that answers the hooks of one WCS installation, as a construct for any application.

An application of your own imports it with this repository's root and its directory ``functions`` on
the path, as ``app.py`` does.
"""

from dataclasses import dataclass

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.canary import CanaryDeployment
from infra.dead_letters import DeadLetterStorage
from infra.encryption import data_key
from infra.event_bus import HookEventBus
from infra.generated_secret import GeneratedSecret
from infra.hook_api import HookApi
from infra.hook_functions import HookFunctions
from infra.leases import LeaseTable
from infra.lists import ListTable
from infra.observability import Observability
from infra.operators import Operators
from infra.packaging import FunctionPackage, FunctionPackages, package, target_of
from infra.policy_compiler import CompilerFunction
from infra.policy_store import PolicyTables
from infra.sessions import SessionTable
from infra.settings import DeploymentStrategy, Settings, SubjectForm


@dataclass(frozen=True, slots=True)
class FunctionCode:
    """The code of the functions: `packaged_code`.

    Attributes
    ----------
    hooks
        Of those that answer hooks.
    compiler
        Of the compiler.
    """

    hooks: lambda_.Code
    compiler: lambda_.Code


class WcsHooks(Construct):
    """The capabilities, wired together.

    Parameters
    ----------
    scope
        The stack, or a construct in it.
    construct_id
        With ``Default`` the resources get the logical IDs that they would have in ``scope`` itself.
    settings
        What can be chosen. ``stage`` distinguishes the metrics of several installations in one
        account and region; the stack's name is the caller's.
    code
        The functions' packages: see `packaged_code`.

    Attributes
    ----------
    api
        The HTTP API.
    url
        The URL that WCS calls: the API's endpoint, or the custom domain.
    domain
        The custom domain, with the setting ``domainName``; None without it.
    functions
        The function of each category.
    live
        The alias of each category's function, by which it is called.
    compiler
        The function that compiles edited policies.
    policies, snapshots, sessions, lists, leases, dead_letter_table
        The tables.
    dead_letter_queue
        Takes hooks that could not be answered, and policy edits that could not be compiled.
    secret
        What WCS signs its hooks with.
    secret_arn
        Its ARN.
    token_secrets_arn
        The ARN of the secret that tokens are signed with, with the setting ``token_secrets``; empty
        without it.
    subject_secret_arn
        The ARN of the secret that subjects are hashed with, with the setting ``subject`` hash;
        empty without it.
    key
        What encrypts tables, queue, secret and logs, with the setting ``customerManagedKey``; None
        without it.
    event_bus
        Takes events, with the setting ``event_bus``; None without it.
    policy_editors
        A managed policy for the people who edit policies.
    list_editors
        A managed policy for the people and systems that write rows of lists.
    tenant_editors
        One for the people who edit the policies of one tenant's apps, by tenant: the setting
        ``tenants``.
    operators
        A managed policy for the people who operate the stack.
    alarms_topic
        Takes the alarms.
    dashboard_url
        Where the dashboard is, in the console.

    Examples
    --------
    In a stack of your own::

        settings = Settings(stage="live", event_bus=True)
        hooks = WcsHooks(self, "Hooks", settings, code=packaged_code(settings))
        hooks.alarms_topic.add_subscription(subscriptions.SqsSubscription(on_call))
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        settings: Settings,
        *,
        code: FunctionCode,
    ) -> None:
        super().__init__(scope, construct_id)
        self.key = key = data_key(self, "DataKey", settings)
        store = PolicyTables(self, "PolicyStore", settings, key=key)
        self.policies = store.policies
        self.snapshots = store.snapshots
        self.policy_editors = store.editors
        self.tenant_editors = store.tenant_editors
        self.sessions = SessionTable(self, "Sessions", settings, key=key).table
        rows = ListTable(self, "Lists", settings, key=key)
        self.lists = rows.table
        self.list_editors = rows.editors
        self.leases = LeaseTable(self, "Leases", settings, key=key).table
        dead_letters = DeadLetterStorage(self, "DeadLetters", settings, key=key)
        self.dead_letter_queue = dead_letters.queue
        self.dead_letter_table = dead_letters.table
        caller = GeneratedSecret(
            self,
            "CallerSecret",
            settings,
            key=key,
            description="What WCS proves itself with; previous, if there, is accepted too",
            generated="current",
            length=40,
            other_end="WCS's own configuration",
        )
        self.secret = caller.secret
        self.secret_arn = caller.arn
        self.token_secrets_arn = (
            GeneratedSecret(
                self,
                "TokenSecrets",
                settings,
                key=key,
                description="What tokens and stream keys for WCS are signed with, by name",
                generated="stream-keys",
                length=64,
                other_end="the programs that sign tokens",
            ).arn
            if settings.token_secrets
            else ""
        )
        self.subject_secret_arn = (
            GeneratedSecret(
                self,
                "SubjectSecret",
                settings,
                key=key,
                description="What subjects are hashed with in logs and events",
                generated="current",
                length=40,
                other_end="whoever compares the hashes",
            ).arn
            if settings.subject is SubjectForm.HASH
            else ""
        )
        self.event_bus = HookEventBus(self, "EventBus").bus if settings.event_bus else None
        hook_functions = HookFunctions(
            self,
            "HookFunctions",
            settings,
            code=code.hooks,
            snapshots=self.snapshots,
            sessions=self.sessions,
            lists=self.lists,
            leases=self.leases,
            dead_letters=dead_letters,
            secret_arn=self.secret_arn,
            token_secrets_arn=self.token_secrets_arn,
            subject_secret_arn=self.subject_secret_arn,
            event_bus=self.event_bus,
            key=key,
        )
        self.functions = hook_functions.by_category
        self.live = hook_functions.live
        compiler = CompilerFunction(
            self,
            "PolicyCompiler",
            settings,
            code=code.compiler,
            store=store,
            leases=self.leases,
            dead_letters=self.dead_letter_queue,
            key=key,
        )
        self.compiler = compiler.function
        hooks = HookApi(self, "HookApi", settings, functions=self.live, key=key)
        self.api = hooks.api
        self.url = hooks.url
        self.domain = hooks.domain
        self.operators = Operators(
            self,
            "Operators",
            store=store,
            sessions=self.sessions,
            lists=self.lists,
            leases=self.leases,
            dead_letters=dead_letters,
            secret_arn=self.secret_arn,
            token_secrets_arn=self.token_secrets_arn,
            subject_secret_arn=self.subject_secret_arn,
            functions=self.functions,
            live=self.live,
            compiler=self.compiler,
            access_logs=hooks.access_logs,
            key=key,
        ).policy
        seen = Observability(
            self,
            "Observability",
            settings,
            hooks=hooks,
            functions=self.functions,
            live=self.live,
            compiler=self.compiler,
            edits_id=compiler.edits_id,
            dead_letters=self.dead_letter_queue,
        )
        self.alarms_topic = seen.topic
        self.dashboard_url = seen.dashboard_url
        if settings.deployment is DeploymentStrategy.CANARY:
            CanaryDeployment(self, "Canary", live=self.live, alarms=seen.alarms)


def packaged_code(settings: Settings) -> FunctionCode:
    """Package the functions for the machine that the settings choose.

    Raises
    ------
    PackagingError
        If the dependencies cannot be fetched, or are not what is expected.
    """
    return code_of(package(target_of(settings)))


def code_of(packages: FunctionPackages) -> FunctionCode:
    """Return packages as the code of functions."""
    return FunctionCode(_code(packages.hooks), _code(packages.compiler))


def _code(made: FunctionPackage) -> lambda_.Code:
    return lambda_.Code.from_asset(str(made.path), asset_hash=made.asset_hash)
