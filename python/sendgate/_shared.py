"""Mailrooms that a whole process shares: opened once in each process, a fork being one of its own."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from . import Mailroom

_lock = threading.RLock()
_open: dict[str, Mailroom] = {}


def shared(key: str, opened: Callable[[], Mailroom], *, delivers: bool) -> Mailroom:
    """The Mailroom of this key, opened now if it is not; with ``delivers`` it delivers in the background."""
    with _lock:
        if key not in _open:
            mailroom = opened()
            if delivers:
                mailroom.run()
            _open[key] = mailroom
        return _open[key]


def _after_fork_in_child() -> None:
    """Another thread may have held the lock, and has no copy here that could release it."""
    global _lock
    _lock = threading.RLock()
    _open.clear()


os.register_at_fork(after_in_child=_after_fork_in_child)
