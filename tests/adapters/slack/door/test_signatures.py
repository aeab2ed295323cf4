"""Whose request is it: exactly the bytes that Slack signed, lately, and once."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

import pytest
from slack_sdk.signature import SignatureVerifier

from adapters.slack.door.signatures import WINDOW_S, Signatures, Stamp

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
NOW = 1_800_000_000
BODY = json.dumps({"type": "event_callback", "event": {"type": "message", "text": "höflich"}}).encode()


def sign(body: bytes, at: str, secret: str = SECRET) -> str:
    """As Slack's own SDK signs."""
    signature = SignatureVerifier(secret).generate_signature(timestamp=at, body=body)
    assert signature is not None
    return signature


class Clock:
    def __init__(self) -> None:
        self.now_s = float(NOW)

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def signatures(clock: Clock) -> Signatures:
    return Signatures(SECRET, now_s=clock)


def refusal(signatures: Signatures, signature: str, at: str, body: bytes = BODY) -> str | None:
    stamp = signatures.stamp([signature], [at])
    return stamp if isinstance(stamp, str) else signatures.refusal(stamp, body)


RIGHT = sign(BODY, str(NOW))


def test_what_slack_signed_is_taken(signatures: Signatures) -> None:
    assert refusal(signatures, RIGHT, str(NOW)) is None


@pytest.mark.parametrize("age_s", [0, 1, WINDOW_S, -WINDOW_S])
def test_within_five_minutes_either_way(age_s: int, signatures: Signatures) -> None:
    at = str(NOW - age_s)

    assert refusal(signatures, sign(BODY, at), at) is None


ROW_31 = {
    "empty": "",
    "version 1": RIGHT.replace("v0=", "v1="),
    "no version": RIGHT.removeprefix("v0="),
    "upper-case version": RIGHT.replace("v0=", "V0="),
    "one short": RIGHT[:-1],
    "one long": RIGHT + "0",
    "upper-case hex": "v0=" + RIGHT.removeprefix("v0=").upper(),
    "a space before": " " + RIGHT,
    "a line break after": RIGHT + "\n",
    "two in one": f"{RIGHT},{RIGHT}",
    "full-width digits": "v0=" + "\uff11" * 64,
    "not hex": "v0=" + "g" * 64,
    "zeros": "v0=" + "0" * 64,
    "another secret's": sign(BODY, str(NOW), "another-secret"),
    "another body's": sign(BODY + b" ", str(NOW)),
    "another second's": sign(BODY, str(NOW - 1)),
}


@pytest.mark.parametrize("signature", ROW_31.values(), ids=ROW_31.keys())
def test_row_31_a_signature_of_another_shape_or_value_is_refused(signature: str, signatures: Signatures) -> None:
    assert refusal(signatures, signature, str(NOW)) is not None


@pytest.mark.parametrize(
    ("copies", "times"),
    [([], [str(NOW)]), ([RIGHT], []), ([], []), ([RIGHT, RIGHT], [str(NOW)]), ([RIGHT], [str(NOW), str(NOW)])],
    ids=["no signature", "no timestamp", "neither", "signature twice", "timestamp twice"],
)
def test_row_31_each_header_stands_there_once(copies: list[str], times: list[str], signatures: Signatures) -> None:
    assert signatures.stamp(copies, times) == "a header is missing or there twice"


ROW_32 = {
    "301 s old": str(NOW - 301),
    "301 s ahead": str(NOW + 301),
    "1e9": "1e9",
    "1_8": "1_800_000_000",
    "full-width digits": "".join(chr(ord(digit) + 0xFEE0) for digit in str(NOW)),
    "arabic digits": "".join(chr(0x0660 + int(digit)) for digit in str(NOW)),
    "empty": "",
    "a space before": f" {NOW}",
    "a line break after": f"{NOW}\n",
    "a plus sign": f"+{NOW}",
    "a zero before": f"0{NOW}",
    "a fraction": f"{NOW}.0",
    "negative": f"-{NOW}",
    "words": "now",
    "milliseconds": str(NOW * 1000),
    "5,000 digits": "9" * 5_000,
    "nan": "nan",
}


@pytest.mark.parametrize("at", ROW_32.values(), ids=ROW_32.keys())
def test_row_32_a_timestamp_of_another_shape_or_age_is_refused_though_it_is_signed(
    at: str, signatures: Signatures
) -> None:
    assert isinstance(signatures.stamp([sign(BODY, at)], [at]), str)


@pytest.mark.parametrize("body", [b"\xff\xfe", b"\x80", BODY + b"\xc3"], ids=repr)
def test_bytes_that_are_no_text_are_nobodys(body: bytes, signatures: Signatures) -> None:
    assert refusal(signatures, RIGHT, str(NOW), body) == "not text"


def test_an_empty_secret_signs_nothing() -> None:
    with pytest.raises(ValueError, match="must not be empty"):
        Signatures("")


# --- the same again ---


def test_a_request_that_comes_twice_is_taken_once(signatures: Signatures) -> None:
    assert [refusal(signatures, RIGHT, str(NOW)) for _ in range(3)] == [None, "seen before", "seen before"]


def test_a_retry_is_another_request(signatures: Signatures) -> None:
    """Slack signs a retry with the time it is sent at."""
    later = str(NOW + 60)

    assert refusal(signatures, RIGHT, str(NOW)) is None
    assert refusal(signatures, sign(BODY, later), later) is None


def test_a_request_that_could_not_be_taken_may_come_again_in_the_same_second(signatures: Signatures) -> None:
    stamp = Stamp(RIGHT, NOW)

    assert signatures.refusal(stamp, BODY) is None
    signatures.forget(stamp)
    assert signatures.refusal(stamp, BODY) is None
    assert signatures.refusal(stamp, BODY) == "seen before"


def test_it_is_remembered_for_as_long_as_it_is_fresh_and_no_longer(signatures: Signatures, clock: Clock) -> None:
    ahead = str(NOW + WINDOW_S)
    signature = sign(BODY, ahead)
    assert refusal(signatures, signature, ahead) is None

    clock.now_s = NOW + 2 * WINDOW_S
    assert refusal(signatures, signature, ahead) == "seen before"
    clock.now_s += 1
    assert refusal(signatures, signature, ahead) == "too old, or from the future"
    assert refusal(signatures, sign(BODY, str(int(clock.now_s))), str(int(clock.now_s))) is None
    assert signatures.remembered == 1


# --- ten thousand of them ---


def altered(dice: random.Random) -> Iterator[tuple[str, str, bytes]]:
    """Signature, timestamp and body with one thing changed, anywhere in them."""
    while True:
        body = bytearray(BODY)
        match dice.randrange(7):
            case 0:
                place = dice.randrange(len(RIGHT))
                other = dice.choice([char for char in "0123456789abcdefABCDEF=v \x00" if char != RIGHT[place]])
                yield RIGHT[:place] + other + RIGHT[place + 1 :], str(NOW), BODY
            case 1:
                cut = dice.randrange(len(RIGHT))
                yield dice.choice([RIGHT[:cut], RIGHT[cut + 1 :], RIGHT + RIGHT[:cut] + "0"]), str(NOW), BODY
            case 2:
                yield RIGHT, str(NOW + dice.choice([-1, 1]) * dice.randint(1, WINDOW_S)), BODY
            case 3:
                yield RIGHT, str(dice.choice([dice.randint(0, NOW - 1), dice.randint(NOW + 1, 10**13)])), BODY
            case 4:
                body[dice.randrange(len(body))] ^= dice.randint(1, 255)
                yield RIGHT, str(NOW), bytes(body)
            case 5:
                body.insert(dice.randrange(len(body) + 1), dice.randrange(256))
                yield RIGHT, str(NOW), bytes(body)
            case 6:
                del body[dice.randrange(len(body)) :]
                yield RIGHT, str(NOW), bytes(body)


def test_of_10_000_altered_requests_all_are_refused(signatures: Signatures) -> None:
    taken = []
    requests = altered(random.Random(20261127))
    for _ in range(10_000):
        signature, at, body = next(requests)
        if refusal(signatures, signature, at, body) is None:
            taken.append((signature, at, body))

    assert taken == []
    assert refusal(signatures, RIGHT, str(NOW)) is None
