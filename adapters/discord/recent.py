"""What was seen lately, as far as it fits. Pure."""

from __future__ import annotations

from collections import OrderedDict

MAX_REMEMBERED = 1_000


class Recent:
    """The ids that were seen lately."""

    def __init__(self) -> None:
        self._ids: OrderedDict[int, None] = OrderedDict()

    def __contains__(self, number: int) -> bool:
        return number in self._ids

    def is_first(self, number: int) -> bool:
        """Note this one; gives whether it had not been seen."""
        is_new = number not in self._ids
        self._ids[number] = None
        while len(self._ids) > MAX_REMEMBERED:
            self._ids.popitem(last=False)
        return is_new
