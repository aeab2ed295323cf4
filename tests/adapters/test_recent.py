"""What is remembered, and what makes room for it."""

from __future__ import annotations

from adapters.recent import MAX_REMEMBERED, Latest, Recent


def test_what_was_set_longest_ago_makes_room() -> None:
    latest: Latest[str, int] = Latest(2)
    latest["a"], latest["b"], latest["a"], latest["c"] = 1, 2, 3, 4

    assert dict(latest) == {"a": 3, "c": 4}


def test_a_default_makes_room_too() -> None:
    latest: Latest[str, list[int]] = Latest(1)
    latest.setdefault("a", [])
    latest.setdefault("b", []).append(1)

    assert dict(latest) == {"b": [1]}


def test_what_was_seen_is_not_first_until_it_is_forgotten() -> None:
    recent: Recent[int] = Recent()

    assert [recent.is_first(1), recent.is_first(1)] == [True, False]
    recent.forget(1)
    assert recent.is_first(1)


def test_no_flood_fills_the_memory() -> None:
    recent: Recent[int] = Recent()
    for number in range(MAX_REMEMBERED + 1):
        recent.is_first(number)

    assert 0 not in recent
    assert MAX_REMEMBERED in recent
