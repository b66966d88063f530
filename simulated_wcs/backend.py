"""A back-end that is down or slow, on this machine."""

import contextlib
import socket
import threading
import time
from types import TracebackType
from typing import Final, Self

LOOPBACK: Final = "127.0.0.1"

_CHUNK: Final = 65536


class _Port:
    """A port on loopback, kept while the block lasts."""

    _socket: socket.socket

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        host, port = self._socket.getsockname()
        return host, port

    def close(self) -> None:
        """Give the port back."""
        self._socket.close()

    def __enter__(self) -> Self:
        """Keep the port."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the port back."""
        self.close()


class ClosedPort(_Port):
    """A port that nobody listens on: whoever connects is refused.

    Examples
    --------
    >>> with ClosedPort() as port:
    ...     port.address[0]
    '127.0.0.1'
    """

    def __init__(self) -> None:
        self._socket = socket.socket()
        # It is bound, so that nobody else takes it, but does not listen.
        self._socket.bind((LOOPBACK, 0))


class DelayingProxy(_Port):
    """Passes bytes on to a back-end at once, and what it answers after a while.

    The back-end gets every hook, as one that is merely slow does: what WCS gave up waiting for has
    been decided all the same.

    Parameters
    ----------
    upstream
        Host and port of the back-end.
    delay
        Seconds.
    """

    def __init__(self, upstream: tuple[str, int], delay: float) -> None:
        self._upstream = upstream
        self._delay = delay
        self._stopped = threading.Event()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._socket = socket.create_server((LOOPBACK, 0))
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        """End it, and all connections through it."""
        self._stopped.set()
        with contextlib.suppress(OSError):
            # Closing alone would leave accept() waiting.
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        with self._lock:
            remaining = list(self._open)
        for end in remaining:
            _shut(end)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            try:
                back_end = socket.create_connection(self._upstream)
            except OSError:
                client.close()
                continue
            with self._lock:
                self._open |= {client, back_end}
            asked = _Asked()
            for work in (self._ask, self._answer):
                thread = threading.Thread(target=work, args=(client, back_end, asked), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _ask(self, client: socket.socket, back_end: socket.socket, asked: "_Asked") -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(_CHUNK):
                asked.at = time.monotonic()
                back_end.sendall(data)
        self._end(client, back_end)

    def _answer(self, client: socket.socket, back_end: socket.socket, asked: "_Asked") -> None:
        with contextlib.suppress(OSError):
            while data := back_end.recv(_CHUNK):
                if self._stopped.wait(asked.at + self._delay - time.monotonic()):
                    break
                client.sendall(data)
        self._end(back_end, client)

    def _end(self, own: socket.socket, other: socket.socket) -> None:
        """End a connection; the other side's thread closes what it reads from."""
        _shut(other)
        with self._lock:
            self._open.discard(own)
        own.close()


class _Asked:
    """When the last piece of a request came."""

    def __init__(self) -> None:
        self.at = 0.0


def _shut(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
