"""The durable sender with its asyncio half, its forks, and its end with the interpreter.

SQLite must not have a file open over a fork: the child would take the parent's locks for its own. So the files of all
Mailrooms are closed before a fork, and opened again behind it by whoever wants them; who wants them meanwhile waits.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import sys
import threading
import weakref
from typing import TYPE_CHECKING, Any

from . import _sendgate  # type: ignore[attr-defined]  # its types are in __init__.pyi

if TYPE_CHECKING:
    from collections.abc import Sequence

_all: weakref.WeakSet[Mailroom] = weakref.WeakSet()
_running: weakref.WeakSet[Mailroom] = weakref.WeakSet()
#: Nobody opens one while the process forks.
_opening = threading.RLock()
#: Those whose files are closed for the fork that is under way.
_closed: list[Mailroom] = []
#: The process whose multiprocessing has been told to stop them all.
_finalized = 0


class Mailroom(_sendgate.Mailroom):  # type: ignore[misc]  # as above
    __doc__ = _sendgate.Mailroom.__doc__

    def __new__(cls, *given: Any, **named: Any) -> Mailroom:  # noqa: ANN401 - Rust reads them
        with _opening:
            mailroom: Mailroom = super().__new__(cls, *given, **named)
            _all.add(mailroom)
        return mailroom

    def run(self) -> bool:
        """Delivers in the background, without the GIL, until ``stop``. False when it does so already."""
        _delivers(self)
        return bool(super().run())

    def drain(self, timeout: float | None = None) -> bool:
        """Delivers until no message waits or is on its way, by whichever process, or for ``timeout`` seconds.

        Returns whether none is left.
        """
        _delivers(self)
        return bool(super().drain(timeout))

    async def submit_async(
        self, messages: _sendgate.Message | Sequence[_sendgate.Message], idempotency_key: str | None = None
    ) -> list[_sendgate.Receipt]:
        """``submit`` without holding up the event loop."""
        return await asyncio.to_thread(self.submit, messages, idempotency_key)

    async def drain_async(self, timeout: float | None = None) -> bool:
        """``drain`` without holding up the event loop."""
        return await asyncio.to_thread(self.drain, timeout)

    async def trace_async(self, message_id: str) -> dict[str, Any] | None:
        """``trace`` without holding up the event loop."""
        return await asyncio.to_thread(self.trace, message_id)

    async def stop_async(self) -> None:
        """``stop`` without holding up the event loop."""
        await asyncio.to_thread(self.stop)

    async def __aenter__(self) -> Mailroom:
        return self

    async def __aexit__(self, *_raised: object) -> None:
        await self.stop_async()


@atexit.register
def _stop_all() -> None:
    """A thread that delivers may need the interpreter for a transport: it ends first."""
    for mailroom in list(_running):
        mailroom.stop()


def _delivers(mailroom: Mailroom) -> None:
    """It is stopped before this process ends, so that no call under way is left unknown.

    A process that multiprocessing forked ends without what atexit knows, and with its own finalizers.
    """
    global _finalized
    _running.add(mailroom)
    util = sys.modules.get("multiprocessing.util")
    if util is not None and _finalized != os.getpid():
        util.Finalize(None, _stop_all, exitpriority=100)
        _finalized = os.getpid()


def _before_fork() -> None:
    _opening.acquire()
    _closed.extend(_all)
    for mailroom in _closed:
        mailroom._before_fork()


def _after_fork_in_parent() -> None:
    for mailroom in _closed:
        mailroom._after_fork()
    _closed.clear()
    _opening.release()


def _after_fork_in_child() -> None:
    """The parent's Mailrooms refuse what they are asked for: whoever sends here opens one here."""
    _all.clear()
    _running.clear()
    _closed.clear()
    _opening.release()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
