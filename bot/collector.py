"""The garbage collector of a process that stays."""

from __future__ import annotations

import gc


def settle() -> None:
    """Leave what the start has loaded to itself: the collector looked at all of it again at each full pass, and held up
    everybody for a tenth of a second."""
    gc.freeze()
