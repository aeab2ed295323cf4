from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import ConversationTooLong, ModelRejected, ModelUnavailable
from bot.models.client import identity
from bot.models.faults import (
    Complaint,
    complaint,
    complaint_of_body,
    excerpt,
    fault,
    retry_after_of_body,
    retry_after_s,
)

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


KEYS = [
    "error",
    "message",
    "code",
    "type",
    "status",
    "detail",
    "details",
    "metadata",
    "raw",
    "retryDelay",
    "violations",
]


def fault_for(status, error=None, **options):
    return fault("fast", complaint(status, error), clean=identity, **options)


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (400, ModelRejected, "refused the request"),
        (401, ModelRejected, "refused our key"),
        (402, ModelRejected, "no quota left"),
        (403, ModelRejected, "refused our key"),
        (404, ModelRejected, "was not found"),
        (405, ModelRejected, "was not found"),
        (408, ModelUnavailable, "took too long"),
        (409, ModelUnavailable, "problem on its side"),
        (422, ModelRejected, "refused the request"),
        (429, ModelUnavailable, "too many requests"),
        (500, ModelUnavailable, "problem on its side"),
        (503, ModelUnavailable, "problem on its side"),
        (504, ModelUnavailable, "took too long"),
        (307, ModelRejected, "another address"),
        (None, ModelUnavailable, "problem on its side"),
    ],
)
def test_every_status_has_its_class_and_its_sentence(status, kind, said):
    err = fault_for(status)

    assert type(err) is kind
    assert said in err.user_message
    assert err.user_message.startswith("The model 'fast' ")
    assert err.label == "fast"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, {"error": {"code": "context_length_exceeded", "message": "x"}}),
        (500, {"error": {"type": "exceed_context_size_error", "message": "x", "n_ctx": 4096}}),
        (400, {"object": "error", "message": "This model's maximum context length is 4096 tokens"}),
        (400, [{"error": {"code": 400, "message": "The input token count exceeds: input tokens exceed the limit"}}]),
        (413, None),
        (None, {"message": "litellm.ContextWindowExceededError: prompt is too long"}),
    ],
)
def test_row_25_context_overflow_is_told_apart_in_every_dialect(status, error):
    err = fault_for(status, error)

    assert isinstance(err, ConversationTooLong)
    assert "conversation is too long" in err.user_message


def test_quota_is_not_a_matter_of_waiting():
    assert type(fault_for(429, {"error": {"code": "insufficient_quota"}})) is ModelRejected


def test_a_model_without_tools_is_named_as_such():
    err = fault_for(400, {"error": "registry.ollama.ai/library/x does not support tools"})

    assert "set tools = false" in err.user_message


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"error": {"message": "m", "code": 502, "type": "t"}}, Complaint(502, frozenset({"502", "t"}), "m")),
        ({"error": "m"}, Complaint(None, frozenset(), "m")),
        ({"detail": "m"}, Complaint(None, frozenset(), "m")),
        ({"detail": [{"loc": "x"}]}, Complaint(None, frozenset(), '[{"loc":"x"}]')),
        ([{"error": {"message": "m"}}], Complaint(None, frozenset(), "m")),
        ("m", Complaint(None, frozenset(), "m")),
        ({"message": "m", "type": "rate_limit_error"}, Complaint(429, frozenset({"rate_limit_error"}), "m")),
        (None, Complaint(None, frozenset(), "")),
        ([], Complaint(None, frozenset(), "")),
        (5, Complaint(None, frozenset(), "")),
    ],
)
def test_errors_are_read_in_all_their_shapes(error, expected):
    assert complaint(None, error) == expected


def test_an_error_that_is_no_json_is_read_as_text():
    assert complaint_of_body(502, b"Bad \xff Gateway").text == "Bad \ufffd Gateway"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "0"}, 1),
        ({"retry-after": "-1"}, 1),
        ({"retry-after": "2.5"}, 2.5),
        ({"retry-after": "86400"}, 86400),
        ({"retry-after": "Sun, 22 Nov 2026 12:00:30 GMT"}, 30),
        ({"retry-after": "Sun, 22 Nov 2026 11:00:00 GMT"}, 1),
        ({"retry-after": "abc"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "9" * 400}, None),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({}, None),
    ],
)
def test_row_27_retry_after_in_all_its_forms(headers, seconds):
    assert retry_after_s(headers, now=NOW) == seconds


@pytest.mark.parametrize(
    ("wait_s", "said"), [(None, "in a moment"), (5, "in 5 seconds"), (600, "in 10 minutes"), (86400, "in 24 hours")]
)
def test_row_27_people_are_told_how_long_to_wait(wait_s, said):
    err = fault_for(429, retry_after_s=wait_s)

    assert err.user_message.endswith(f"Please try again {said}.")
    assert err.retry_after_s == wait_s


def test_the_providers_words_are_shortened_and_masked():
    err = fault(
        "fast",
        complaint(400, {"error": {"message": "bad\n key " + "x" * 1000}}),
        clean=lambda text: text.replace("key", "***"),
    )

    assert ": bad *** xxx" in err.user_message
    assert len(err.user_message) < 350


@pytest.mark.parametrize(
    "text", ["<html><body>502</body></html>", "<!DOCTYPE html>", "Traceback (most recent call last):\n  File x"]
)
def test_pages_and_tracebacks_are_never_shown(text):
    assert excerpt(text) == ""


def test_control_characters_are_not_shown():
    assert excerpt("a\x1b[31m\u202eb\x00c.") == "a [31m b c"


# --- shapes ---


def test_what_the_provider_behind_the_provider_said_is_read():
    error = {
        "error": {"message": "Provider returned error", "metadata": {"raw": '{"error":{"code":"x","message":"m"}}'}}
    }

    assert complaint(400, error) == Complaint(400, frozenset({"x"}), "Provider returned error: m")


def test_an_error_that_is_json_inside_a_text_is_read():
    error = {"error": {"message": '{"error": {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED"}}'}}

    assert complaint(None, error) == Complaint(429, frozenset({"429", "resource_exhausted"}), "slow down")


def test_what_only_looks_like_json_is_text():
    assert complaint(400, {"error": "{oops"}).text == "{oops"


def test_an_error_nested_too_deeply_is_no_text_and_no_crash():
    deep = {"error": "x"}
    for _ in range(500):
        deep = {"error": deep}

    assert complaint(400, deep).text == ""
    assert complaint(400, {"detail": [deep]}).text == ""


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        ({"error": {"message": "Please try again in 20s."}}, 20),
        ({"error": {"message": "Please try again in 1m2.5s. Visit"}}, 62.5),
        ({"error": {"message": "Please try again in 1h2m3s."}}, 3723),
        ({"error": {"message": "Please try again in 850ms."}}, 1),
        ({"error": {"message": "Please retry after 10 seconds."}}, 10),
        ({"error": {"message": "Try again in 2 minutes."}}, 120),
        ({"error": "Please retry your request in 5 sec."}, 5),
        ("Please try again in 20s.", 20),
        ([{"error": {"details": [{"@type": "x/google.rpc.RetryInfo", "retryDelay": "34s"}]}}], 34),
        ([{"error": {"details": [{"retryDelay": "0.5s"}]}}], 1),
        ([{"error": {"details": [{"retryDelay": 5}, None]}}], None),
        ({"error": {"message": "Please try again in a moment."}}, None),
        ({"error": {"message": "Please try again in 5 apples."}}, None),
        ({"error": {"message": "Please try again in 5 months."}}, None),
        ({"error": {"message": "try again in " + "9" * 400 + "s"}}, None),
        ({"error": {"message": 5}}, None),
        (None, None),
    ],
)
def test_the_body_may_say_how_long_to_wait(error, seconds):
    assert retry_after_of_body(error) == seconds


def test_the_header_counts_more_than_the_body():
    assert fault_for(429, {"error": "try again in 9s"}, retry_after_s=2.0).retry_after_s == 2
    assert fault_for(429, {"error": "try again in 9s"}).retry_after_s == 9


@pytest.mark.parametrize(
    ("status", "text", "said"),
    [
        (400, "Function calling is not enabled for models/gemma-3-27b-it", "does not support tools"),
        (400, "`tool calling` is not supported with this model", "refused the request"),
        (400, "tool calling is not supported with this model", "does not support tools"),
        (400, "Unsupported parameter: 'max_tokens' is not supported with this model", "refused the request"),
        (400, "Your credit balance is too low to access the API", "no quota left"),
        (500, "litellm.ContentPolicyViolationError: filtered", "content filter objected"),
        (401, "does not support tools", "refused our key"),
    ],
)
def test_the_words_of_an_error_are_told_apart(status, text, said):
    assert said in fault_for(status, {"error": {"message": text}}).user_message


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
        max_leaves=20,
    ),
    st.sampled_from([None, 200, 400, 403, 429, 500]),
)
def test_no_error_whatever_its_shape_raises_anything_unforeseen(error, status):
    err = fault("fast", complaint(status, error), clean=identity)

    assert "\n" not in err.user_message
    assert err.user_message.endswith(".")
