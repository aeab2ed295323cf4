"""Who may call Slack when."""

from __future__ import annotations

from adapters.slack.api.pace import Paces, Rate


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def paces_on(clock: Clock) -> Paces:
    return Paces(clock, {"chat.postMessage": Rate(1.0, 2), "chat.update": Rate(2.0, 1)})


def turn(paces: Paces, method: str = "chat.postMessage", channel: str = "C1", *, within_s: float = 99.0) -> float:
    wait_s, is_mine = paces.turn(method, channel, within_s=within_s)
    assert is_mine
    return wait_s


def test_a_burst_goes_at_once_and_then_one_after_the_other() -> None:
    paces = paces_on(Clock())

    assert [turn(paces) for _ in range(5)] == [0, 0, 1, 2, 3]


def test_a_burst_is_whole_again_after_a_while() -> None:
    clock = Clock()
    paces = paces_on(clock)
    for _ in range(2):
        turn(paces)

    clock.now += 10

    assert [turn(paces) for _ in range(3)] == [0, 0, 1]


def test_channels_have_their_own_pace_for_messages_and_share_it_for_the_rest() -> None:
    paces = paces_on(Clock())

    assert [turn(paces, channel=one) for one in ("C1", "C1", "C2")] == [0, 0, 0]
    assert [turn(paces, "chat.update", one) for one in ("C1", "C2")] == [0, 2]


def test_a_turn_that_would_take_too_long_is_not_taken() -> None:
    paces = paces_on(Clock())
    turn(paces, "chat.update")

    assert paces.turn("chat.update", "C1", within_s=1.0) == (2.0, False)
    assert turn(paces, "chat.update") == 2.0


def test_a_method_without_a_pace_waits_only_where_slack_says_so() -> None:
    clock = Clock()
    paces = paces_on(clock)
    assert [turn(paces, "users.info", "") for _ in range(20)] == [0] * 20

    paces.hold("users.info", "", 7.0)
    clock.now += 3

    assert turn(paces, "users.info", "") == 4.0
    assert turn(paces, "users.list", "") == 0


def test_a_shorter_wait_does_not_end_a_longer_one() -> None:
    paces = paces_on(Clock())

    paces.hold("users.info", "", 60.0)
    paces.hold("users.info", "", 1.0)

    assert turn(paces, "users.info", "") == 60.0
