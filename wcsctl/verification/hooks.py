"""What becomes of a hook's bytes on their way through the gateway and the functions."""

from typing import Final

from simulated_wcs.transport import HookReply
from wcs_hooks.core.methods import Category
from wcs_hooks.core.reply import OK
from wcsctl.verification.check import DeploymentCheck, Sighting, failed, passed
from wcsctl.verification.run import METHOD_OF, VerificationRun

_MIB: Final = 1024 * 1024
_MALFORMED: Final = 400
_FORBIDDEN: Final = 403


def _look_at_echoes(run: VerificationRun) -> Sighting:
    # Odd blanks, escapes and numbers, none of which survives a common JSON round trip.
    odd = (
        b'{ "appKey" : "%s",\t"big":123456789012345678901234567890,\r\n "ratio": 1.50e+2 ,'
        b' "zero":-0.0, "sdp":"v=0\\r\\n\\u00e9\\/\\ud83d\\ude00" ,"text":"caf\xc3\xa9" }  \n'
    ) % run.name.plain_app.encode()
    run.keep_other_policies_out()
    wrong = []
    for category, method in METHOD_OF.items():
        reply = run.post(method, odd)
        if reply.status != OK or not _is_echo(category, reply.body, odd):
            wrong.append(f"{category} {_described(reply)}")
    if wrong:
        return failed("; ".join(wrong))
    return passed(f"{len(odd)} bytes came back in {', '.join(Category)}")


def _look_at_a_mebibyte(run: VerificationRun) -> Sighting:
    frame = b'{"appKey":"%s","sdp":"' % run.name.plain_app.encode()
    body = frame + b"x" * (_MIB - len(frame) - 2) + b'"}'
    reply = run.post(METHOD_OF[Category.DIRECT], body)
    if (reply.status, reply.body) != (OK, body):
        return failed(_described(reply))
    return passed(f"{len(body):,} bytes came back")


def _look_at_no_utf_8(run: VerificationRun) -> Sighting:
    body = b'{"appKey":"%s","a":"\xff\xfe"}' % run.name.plain_app.encode()
    reply = run.post(METHOD_OF[Category.DIRECT], body)
    # Not documented: the gateway hands the bytes over, or replaces them, which no signature fits.
    how = {
        _MALFORMED: "400: the gateway hands the bytes over",
        _FORBIDDEN: "403: the gateway replaces the bytes, so that the signature does not fit",
    }.get(reply.status)
    if how is None or reply.error.get("policy", "") is not None:
        return failed(_described(reply))
    return passed(how)


def _is_echo(category: Category, received: bytes, sent: bytes) -> bool:
    """Whether the bytes came back; connect's reply may have what policies of `*` require of WCS."""
    if category is not Category.CONNECT or received == sent:
        return received == sent
    kept, _, required = received.partition(b',"restClientConfig":')
    return bool(required) and kept == sent[: sent.rindex(b"}")].rstrip()


def _described(reply: HookReply) -> str:
    if reply.status == OK:
        return f"200 with {len(reply.body):,} bytes that differ"
    reason = reply.error.get("reason") or reply.reason
    return f"{reply.status} {reason}".rstrip()


CHECKS: Final = (
    DeploymentCheck("echo", "the same bytes, in each category", _look_at_echoes),
    DeploymentCheck("1 MiB", "the same bytes", _look_at_a_mebibyte),
    DeploymentCheck("no UTF-8", "400 or 403 by the endpoint, no 5xx", _look_at_no_utf_8),
)
