"""How values are copied and pickled: a value is its class, called with the fields that ``__match_args__`` names."""

import copyreg
from collections.abc import Callable
from typing import Any

from . import _sendgate  # type: ignore[attr-defined]  # its types are in __init__.pyi

VALUES: tuple[Any, ...] = tuple(kind for kind in vars(_sendgate).values() if hasattr(kind, "__match_args__"))


def reduced(value: Any) -> tuple[Callable[..., Any], tuple[Any, ...]]:  # noqa: ANN401 - one of VALUES
    """The class and its arguments."""
    kind = type(value)
    return kind, tuple(getattr(value, field) for field in kind.__match_args__)


for _kind in VALUES:
    copyreg.pickle(_kind, reduced)
