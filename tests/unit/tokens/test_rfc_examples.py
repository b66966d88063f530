"""The examples of the RFCs are verified as they are printed."""

import base64
import json
from typing import Any

import pytest

from tests.unit.tokens.issuer import HERE
from wcs_hooks.core.tokens.jwt import decode_signed
from wcs_hooks.core.tokens.keys import key_of_jwk, secret_key
from wcs_hooks.core.tokens.verification import keys_for

_EXAMPLES = json.loads((HERE / "rfc_examples.json").read_text())["examples"]


@pytest.mark.parametrize("example", _EXAMPLES, ids=lambda example: str(example["name"]))
def test_given_an_example_of_an_rfc_then_it_is_accepted_and_what_was_signed_is_read(
    example: dict[str, Any],
) -> None:
    if "secret" in example:
        raw = base64.urlsafe_b64decode(example["secret"] + "==")
        key = secret_key(f"base64:{base64.b64encode(raw).decode()}")
    else:
        key = key_of_jwk(example["jwk"])

    signed = decode_signed(example["token"])

    assert signed.payload.decode() == example["payload"]
    assert keys_for(signed, [key]) == [key]
    assert key.verifies(signed.algorithm, signed.signing_input, signed.signature)
