"""What holds for every test: no test reaches an AWS account, and few reach a network at all."""

import os
from collections import Counter
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import botocore.httpsession
import botocore.loaders
import botocore.session
import pytest
from botocore.hooks import EventAliaser
from pytest_socket import disable_socket, enable_socket

from tests.support.profiles import load_profile
from tests.support.slowest_first import SLOWEST_FIRST

_TESTS = Path(__file__).resolve().parent
# A function has one session and reads AWS's service descriptions once; each test makes functions of
# its own, and what they would read is the same.
botocore.session.create_loader = cache(botocore.loaders.create_loader)
# No test speaks TLS to AWS, for which each client would read what it trusts.
botocore.httpsession.create_urllib3_context = cache(botocore.httpsession.create_urllib3_context)


class _EventAliaser(EventAliaser):
    """Translates each name of an event once, instead of once in each session and client."""

    _translated: ClassVar[dict[str, str]] = {}

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._alias_name_cache = self._translated


botocore.session.EventAliaser = _EventAliaser  # type: ignore[assignment, misc]  # the same class

# Before the tests are read: they ask how many examples there are to be.
load_profile()

_USER = TemporaryDirectory(prefix="wcs-hooks-tests-")
_OFFLINE = frozenset({"unit", "property", "integration", "fault_matrix"})


def pytest_configure() -> None:
    """Replace a developer's settings of AWS by ones that no account accepts, of wcsctl by none."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "WCSCTL_"))]:
        del os.environ[name]
    nowhere = str(_TESTS / "no-aws-profile")
    os.environ.update(
        AWS_ACCESS_KEY_ID="testing",
        AWS_SECRET_ACCESS_KEY="testing",
        AWS_REGION="us-east-1",
        AWS_DEFAULT_REGION="us-east-1",
        AWS_CONFIG_FILE=nowhere,
        AWS_SHARED_CREDENTIALS_FILE=nowhere,
        AWS_EC2_METADATA_DISABLED="true",
        XDG_CONFIG_HOME=f"{_USER.name}/config",
        XDG_CACHE_HOME=f"{_USER.name}/cache",
    )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """Keep the order of the collected files: xdist would begin with those that have most tests."""
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the files that take longest begin first, so that no worker waits long for another."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        tests = Counter(item.path for item in items)
        rank = {_TESTS / file: place for place, file in enumerate(SLOWEST_FIRST)}
        items.sort(key=lambda item: (rank.get(item.path, len(rank)), -tests[item.path]))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Block sockets where a test has no business with them."""
    if item.path.relative_to(_TESTS).parts[0] in _OFFLINE:
        disable_socket(allow_unix_socket=True)
    else:
        enable_socket()
