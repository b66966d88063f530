"""Check tokens, see the keys that verify them, and make tokens and signed stream keys."""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from wcs_hooks.core.methods import METHODS
from wcs_hooks.core.payload import encode
from wcs_hooks.core.policy.reader import EVERY_APP
from wcs_hooks.core.tokens.keys import UnusableKeyError, secret_key
from wcs_hooks.core.tokens.stream_key import Act, UnsignableError
from wcs_hooks.core.tokens.stream_key import sign as sign_stream_key
from wcsctl.ages import in_words
from wcsctl.app_words import app_of_word
from wcsctl.completion import Completed
from wcsctl.context import CommandContext, command_context
from wcsctl.deployed_policies import DeployedPolicies
from wcsctl.errors import ExitStatus, NotFoundError, UsageError
from wcsctl.output import counted, one_line
from wcsctl.since import duration, iso_moment
from wcsctl.tokens.checking import CheckedToken, check_token
from wcsctl.tokens.deployed_keys import DeployedKeys
from wcsctl.tokens.given_token import GivenTokenError, given_claims
from wcsctl.tokens.issuer_keys import FetchedKeys, fetched_keys, refresh_keys
from wcsctl.trial import read_bytes

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Check tokens, see the keys that verify them, and make tokens and signed stream keys.",
)

_STANDARD_INPUT: Final = "-"
_STREAM_KEYS: Final = "stream-keys"
"""The secret that the stack generates."""


@app.command()
def check(
    context: typer.Context,
    token: Annotated[
        str, typer.Argument(help="A JWT or a stream key; - for standard input.", metavar="TOKEN")
    ],
    app_key: Annotated[
        str,
        typer.Option(
            "--app",
            help="The appKey of the hook; by default only policies for every app count.",
            callback=app_of_word,
        ),
        Completed.APPS,
    ] = EVERY_APP,
    method: Annotated[
        str | None,
        typer.Option(help="The hook's method; by default any that tokens are read of."),
        Completed.METHODS,
    ] = None,
    stream: Annotated[
        str | None, typer.Option(help="The stream's name, which a stream key is signed for.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(help="Check as at this moment, ISO 8601.", metavar="TIME")
    ] = None,
) -> None:
    """Decode a token and verify it by the active policies. Shows its claims.

    Says which policy takes the token, its status, and why it is not valid, by the code and the
    keys that the functions use. Exit status 1: the token is not valid.

        wcsctl token check - --app live < token.txt
        wcsctl token check k1.p.1767225600.YW5uYQ.… --app live --stream lesson

    Give it on standard input: a command line stays in the shell's history. Claims
    may be personal data, and whoever has the token can use it until it expires.
    """
    command = command_context(context)
    if method is not None and method not in METHODS:
        raise UsageError(f"--method {method!r} is not a known method.")
    now = time.time() if at is None else _moment(at)
    text = sys.stdin.read() if token == _STANDARD_INPUT else token
    trusts = DeployedPolicies(command.deployment).policies_of(app_key).trusts
    keys = DeployedKeys(command.deployment)
    known = keys.known(trusts)
    checked = check_token(
        text, trusts, known.keys_of, app=app_key, now=now, method=method, stream=stream
    )
    problem = keys.problem(checked.trust) if checked.trust is not None else ""
    _show_check(command, checked, problem, now)
    if not checked.is_valid:
        raise typer.Exit(ExitStatus.FAILED)


@app.command()
def keys(
    context: typer.Context,
    refresh: Annotated[
        bool,
        typer.Option("--refresh", help="Have the compiler fetch all of them now, and wait."),
    ] = False,
) -> None:
    """Show the keys of token issuers as they were fetched last, address by address.

    The compiler fetches them on a schedule; --refresh is for an issuer that had to replace a key
    at once. Functions use the new keys within half a minute. Exit status 1: the last fetch of an
    address failed, or the keys of one are too old to be used.

        wcsctl token keys --refresh
    """
    command = command_context(context)
    if refresh:
        count = refresh_keys(command.deployment)
        command.output.say(
            f"The compiler fetched the keys of {counted(count, 'address', 'addresses')}."
        )
    found = fetched_keys(command.deployment)
    command.output.result(
        {"keys": [_keys_to_json(one) for one in found]}, *_keys_for_people(command, found)
    )
    if any(one.error or not one.usable for one in found):
        raise typer.Exit(ExitStatus.FAILED)


@app.command()
def make(
    context: typer.Context,
    key: Annotated[
        Path,
        typer.Option(
            help="A private key, JWK or PEM, or a secret of at least 32 bytes (`base64:…` too).",
            metavar="FILE",
        ),
    ],
    claims: Annotated[str, typer.Option(help="A JSON object.", metavar="JSON")],
    alg: Annotated[
        str | None,
        typer.Option(help="RS256, ES256, EdDSA, HS256 …; by default the first that fits the key."),
    ] = None,
    lifetime: Annotated[
        str | None,
        typer.Option("--for", help="How long it is valid: 2h; 1h by default.", metavar="DURATION"),
    ] = None,
) -> None:
    """Make a JSON Web Token, for development and tests. Needs no AWS.

    `exp` is added by --for unless the claims have it. Sites make tokens with a library in the
    language that they are written in.

        wcsctl token make --key private.pem --claims '{"sub": "anna", "aud": "wcs"}' --for 2h
    """
    # Imported here because it takes longer to load than the rest of the program.
    from wcsctl.tokens.making import make_token, signing_key  # noqa: PLC0415

    command = command_context(context)
    signs = signing_key(read_bytes(key).decode("utf-8", "replace"), str(key))
    content = dict(_claims(claims))
    if "exp" in content and lifetime is not None:
        raise UsageError("The claims have exp: leave out --for, or exp.")
    if "exp" not in content:
        content["exp"] = int(time.time()) + duration(lifetime or "1h")
    made = make_token(signs, content, alg)
    command.output.result({"token": made, "exp": content["exp"]}, Text(made))


@app.command()
def sign(  # noqa: PLR0913, PLR0917 - the options of a command
    context: typer.Context,
    app_key: Annotated[str, typer.Option("--app", help="The appKey that the stream is of.")],
    stream: Annotated[str, typer.Option(help="The stream's name.")],
    publish: Annotated[
        bool | None,
        typer.Option("--publish/--play", help="What the key lets its holder do."),
    ] = None,
    user: Annotated[str, typer.Option(help="Whom it is for; by default anybody.")] = "",
    lifetime: Annotated[
        str, typer.Option("--for", help="How long it is valid: 2h.", metavar="DURATION")
    ] = "1h",
    secret: Annotated[
        str, typer.Option(help="The secret's name, which the policy has as secret:NAME.")
    ] = _STREAM_KEYS,
) -> None:
    """Sign a stream key, for an encoder or a player whose address is too short for a JWT.

    Reads the secret from Secrets Manager, and signs with the current one. The key holds for one
    stream, and for publishing it or playing it. docs/reference/stream-keys.md has the same in
    Python, Node.js and PHP, for sites that sign keys themselves.

        wcsctl token sign --app live --stream lesson --publish --user anna --for 2h
    """
    command = command_context(context)
    if publish is None:
        raise UsageError("Give --publish or --play: a stream key is for one of them.")
    expiry = int(time.time()) + duration(lifetime)
    named = DeployedKeys(command.deployment).secrets()
    if secret not in named:
        raise NotFoundError(
            f"The secrets of tokens have none by the name {secret!r}; they have "
            f"{', '.join(sorted(named)) or 'none'}."
        )
    act = Act.PUBLISH if publish else Act.PLAY
    try:
        signed = sign_stream_key(
            secret_key(named[secret][0]).secret, app_key, act, stream, expiry=expiry, user=user
        )
    except UnsignableError as error:
        raise UsageError(f"{str(error).capitalize()}.") from None
    except UnusableKeyError as error:
        raise UsageError(f"The secret {secret!r} cannot sign: {error}.") from None
    command.output.result({"key": signed, "exp": expiry}, Text(signed))


def _moment(text: str) -> float:
    try:
        return iso_moment(text)
    except ValueError:
        raise UsageError(f"--at {text!r} is not an ISO 8601 time: 2030-01-31T18:00:00Z.") from None


def _claims(text: str) -> Mapping[str, Any]:
    try:
        return given_claims(json.loads(text))
    except GivenTokenError as error:
        raise UsageError(f"--claims: {error}.") from None
    except (ValueError, RecursionError):
        raise UsageError('--claims is not JSON: {"sub": "anna"}.') from None


def _show_check(command: CommandContext, checked: CheckedToken, problem: str, now: float) -> None:
    shown = checked.shown
    why = ": ".join(filter(None, (shown.detail, problem)))
    item = f"{checked.trust.app}/{checked.trust.id}" if checked.trust is not None else ""
    command.output.result(
        {
            "valid": checked.is_valid,
            "status": shown.status,
            "trust": item,
            "form": shown.form,
            "alg": shown.algorithm,
            "kid": shown.kid,
            "detail": why,
            "kids": list(checked.kids),
            "claims": checked.claims,
        },
        Text.assemble(
            "Status    ",
            (shown.status, "green" if checked.is_valid else "red"),
            one_line(f": it {why}" if why else ""),
        ),
        f"Policy    {one_line(item) or 'none takes it'}",
        *([f"Signed    {shown.algorithm} {one_line(shown.kid)}"] if shown.algorithm else []),
        *([f"Keys      {one_line(', '.join(checked.kids))}"] if checked.kids else []),
        *_claim_lines(checked, now),
    )
    if checked.claims is not None:
        command.output.say("Above are the token's claims: mind who sees this output.")


def _claim_lines(checked: CheckedToken, now: float) -> list[str]:
    if checked.claims is None:
        return []
    word = "Claims" if checked.is_valid else "Claims, not proven"
    lines = [f"{word}: {one_line(encode(dict(checked.claims)))}"]
    expiry = checked.claims.get("exp")
    if isinstance(expiry, int | float):
        left = expiry - now
        lines.append(
            f"Expires   in {in_words(left)}" if left > 0 else f"Expired   {in_words(-left)} ago"
        )
    return lines


def _keys_to_json(one: FetchedKeys) -> Mapping[str, Any]:
    return {
        "address": one.address.url,
        "issuer": one.address.issuer,
        "fetchedAt": one.fetched_at or None,
        "ok": not one.error,
        "error": one.error,
        "usable": one.usable,
        "keys": list(one.keys),
    }


def _keys_for_people(command: CommandContext, found: Sequence[FetchedKeys]) -> list[Any]:
    if not found:
        return ["No keys are fetched: no policy names an address of keys."]
    now = time.time()
    rows = [
        (
            one.address.url,
            f"{in_words(now - one.fetched_at)} ago" if one.fetched_at else "never",
            _state(one),
            ", ".join(key["kid"] or f"({key['kty']}, no kid)" for key in one.keys),
        )
        for one in found
    ]
    return [command.output.table(("address", "fetched", "last fetch", "keys"), rows)]


def _state(one: FetchedKeys) -> Text:
    state = Text(one_line(one.error), "red") if one.error else Text("ok", "green")
    return state if one.usable else state.append(" (not used)", "red")
