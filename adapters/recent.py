"""What was seen lately, as far as it fits. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
MAX_REMEMBERED = 1_000


class Latest(OrderedDict[K, V]):
    """At most so many entries: the one that was set longest ago goes first."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def __setitem__(self, key: K, value: V) -> None:
        super().__setitem__(key, value)
        self.move_to_end(key)
        while len(self) > self._most:
            self.popitem(last=False)


class Recent(Generic[K]):
    """The ids that were seen lately."""

    def __init__(self) -> None:
        self._ids: Latest[K, None] = Latest(MAX_REMEMBERED)

    def __contains__(self, one: K) -> bool:
        return one in self._ids

    def forget(self, one: K) -> None:
        self._ids.pop(one, None)

    def is_first(self, one: K) -> bool:
        """Note this one; gives whether it had not been seen."""
        is_new = one not in self._ids
        self._ids[one] = None
        return is_new
