"""Mailrooms that a whole process shares, opened once in each process, forks included.

SQLite must not have a file open over a fork: the child would take the parent's locks for its own. So what is open here
is closed before a fork, when the calls under way are settled, and opened again behind it.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections.abc import Callable
from typing import NamedTuple

from . import Mailroom, SendgateError


class _Open(NamedTuple):
    mailroom: Mailroom
    opened: Callable[[], Mailroom]
    delivers: bool


_lock = threading.RLock()
_open: dict[str, _Open] = {}
_again: list[tuple[str, Callable[[], Mailroom], bool]] = []


def shared(key: str, opened: Callable[[], Mailroom], *, delivers: bool) -> Mailroom:
    """The Mailroom of this key, opened now if it is not; with ``delivers`` it delivers in the background."""
    with _lock:
        if key not in _open:
            _open[key] = _Open(opened(), opened, delivers)
            if delivers:
                _open[key].mailroom.run()
        return _open[key].mailroom


def close_all() -> None:
    """Ends every delivery when its calls are settled, and closes the files."""
    with _lock:
        while _open:
            _open.popitem()[1].mailroom.stop()


def _before_fork() -> None:
    """Nobody opens one until the fork is over."""
    _lock.acquire()
    _again[:] = [(key, held.opened, held.delivers) for key, held in _open.items()]
    close_all()


def _after_fork_in_parent() -> None:
    try:
        for key, opened, delivers in _again:
            shared(key, opened, delivers=delivers)
    except SendgateError:
        # Whoever sends next opens it, or is told why not.
        logging.getLogger("sendgate").exception("a Mailroom could not be opened again after a fork")
    finally:
        _again.clear()
        _lock.release()


def _after_fork_in_child() -> None:
    _again.clear()
    _lock.release()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
atexit.register(close_all)
