"""The callers' secrets without Secrets Manager."""

from collections.abc import Sequence

from tests.support.faults import Faulty
from wcs_hooks.clock import Deadline


class InMemorySecrets(Faulty):
    """`Secrets` that a test rotates; `read` is what `CachedSecrets` wraps.

    Examples
    --------
    >>> secrets = InMemorySecrets("old")
    >>> secrets.rotate("new")
    >>> secrets.read()
    ('new', 'old')
    """

    def __init__(self, current: str = "wcs-secret") -> None:
        super().__init__()
        self._secrets: tuple[str, ...] = (current,)

    def rotate(self, current: str) -> None:
        """Begin a rotation: the secret so far becomes the previous one."""
        self._secrets = (current, self._secrets[0])

    def read(self) -> Sequence[str]:
        self._asked("read")
        return self._secrets

    def valid(self, deadline: Deadline) -> Sequence[str]:  # noqa: ARG002 - the port's signature
        return self.read()

    def refreshed(self, deadline: Deadline) -> Sequence[str]:  # noqa: ARG002 - the protocol has it
        return self.read()
