"""Checks policies as the compiler will, app by app, and across apps; it needs no AWS."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from strict_yaml import plain
from wcs_hooks.core.policy.compilation import Compilation, Others, app_error, compile_policies
from wcs_hooks.core.policy.reader import Finding, Severity
from wcsctl.errors import WcsctlError
from wcsctl.feedback import Advance, no_advance
from wcsctl.policies.dynamodb_json import item_size, raw_of
from wcsctl.policies.files import FileFinding
from wcsctl.policies.requirements import others_among
from wcsctl.policies.table import MAX_ID_BYTES, MAX_ITEM_BYTES


def lint(
    policies: Mapping[str, Mapping[str, Mapping[str, Any]]],
    files: Mapping[tuple[str, str], str],
    others: Callable[[str], Others] | None = None,
    advance: Advance = no_advance,
) -> list[FileFinding]:
    """Everything that is wrong, in the order of the apps.

    Parameters
    ----------
    policies
        By app and id.
    files
        The file of each.
    others
        What is known of apps that are not among these, for an app of these: of what the table of a
        deployment holds. None without one.
    advance
        Called with how many policies were checked.
    """
    now = time.time()
    items = {app: [plain(item) for item in found.values()] for app, found in policies.items()}
    alone: dict[str, Compilation] = {}
    for app, found in items.items():
        alone[app] = compile_policies(app, found, (), now)
        advance(len(found))
    findings: list[FileFinding] = []
    for app, compiled in alone.items():
        these, those = others_among(app, alone), others(app) if others else Others()
        requirements, tokens = (
            [*these.requirements, *those.requirements],
            [*these.tokens, *those.tokens],
        )
        # Others only matter where something of theirs is there to contradict it.
        whole = compiled
        if requirements or tokens:
            whole = compile_policies(app, items[app], requirements, now, tokens)
        refused = [*_of_the_app(app, policies[app]), *_of_the_table(policies[app])]
        findings += [
            FileFinding(files.get((app, finding.policy), ""), app, finding)
            for finding in (*refused, *whole.errors, *whole.warnings)
        ]
    return findings


def _of_the_app(app: str, policies: Iterable[str]) -> Iterator[Finding]:
    """What is wrong with the app's name, reported for the first of its policies."""
    message = app_error(app)
    first = next(iter(policies), None)
    if message and first is not None:
        yield Finding(Severity.ERROR, first, "app", message)


def _of_the_table(policies: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    """What DynamoDB would refuse."""
    for item_id, policy in policies.items():
        length = len(item_id.encode(errors="surrogatepass"))
        if length > MAX_ID_BYTES:
            message = f"has {length:,} bytes; at most {MAX_ID_BYTES:,} are possible"
            yield Finding(Severity.ERROR, item_id, "id", message)
        try:
            size = item_size(raw_of(policy))
        except WcsctlError:
            continue  # a value of a type that no item has, which the compiler's checks name
        if size > MAX_ITEM_BYTES:
            message = (
                f"the policy has {size:,} bytes; an item of DynamoDB has at most "
                f"{MAX_ITEM_BYTES:,}: divide it into several"
            )
            yield Finding(Severity.ERROR, item_id, "", message)
