"""What was seen lately, as far as it fits. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)
MAX_REMEMBERED = 1_000


class Recent(Generic[T]):
    """The ids that were seen lately."""

    def __init__(self) -> None:
        self._ids: OrderedDict[T, None] = OrderedDict()

    def __contains__(self, one: T) -> bool:
        return one in self._ids

    def forget(self, one: T) -> None:
        self._ids.pop(one, None)

    def is_first(self, one: T) -> bool:
        """Note this one; gives whether it had not been seen."""
        is_new = one not in self._ids
        self._ids[one] = None
        while len(self._ids) > MAX_REMEMBERED:
            self._ids.popitem(last=False)
        return is_new
