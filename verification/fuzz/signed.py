"""Signs what schemathesis posts, as WCS would: it is loaded by way of `SCHEMATHESIS_HOOKS`."""

import os
from typing import Final

import schemathesis
from requests import PreparedRequest
from requests.auth import AuthBase

from tests.support.hook_client import signature

SECRET_VARIABLE: Final = "FUZZ_SECRET"


class Signature(AuthBase):
    """`Authorization: WCS <hash>`, over the bytes that are sent."""

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Sign a request."""
        body = request.body
        content = body if isinstance(body, bytes) else str(body or "").encode()
        request.headers["Authorization"] = signature(content, os.environ[SECRET_VARIABLE])
        return request


schemathesis.auth.set_from_requests(Signature())
