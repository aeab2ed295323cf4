"""The decorator, the spec and the registry."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import replace

import pytest

import bot
from bot.engine.types import ToolFacts
from bot.errors import ConfigError
from bot.tools.builtin import builtin_tools
from bot.tools.context import Services
from bot.tools.registry import Registry, spec_of, tool


@tool
def greet(name: str) -> str:
    """Greet somebody."""
    return f"Hello {name}"


@tool(name="wipe-all", confirm=True, effect="idempotent", approver="admin", roles=["ops"], timeout_s=5)
async def wipe() -> str:
    """Wipe everything."""
    return "wiped"


def test_a_decorated_function_is_unchanged() -> None:
    assert greet("Bo") == "Hello Bo"
    assert greet.__name__ == "greet"


def test_the_decorator_is_also_found_on_the_package() -> None:
    assert bot.tool is tool


def test_defaults_are_the_careful_ones() -> None:
    careful = ToolFacts("greet", confirm=False, effect="once", approver="", roles=None)
    assert spec_of(greet).facts == replace(careful, definition=spec_of(greet).fingerprint)
    assert spec_of(greet).timeout_s == 30.0
    assert spec_of(greet).check is None


def test_options_are_kept() -> None:
    spec = spec_of(wipe)

    facts = ToolFacts("wipe-all", True, "idempotent", "admin", frozenset({"ops"}))
    assert spec.facts == replace(facts, definition=spec.fingerprint)
    assert spec.timeout_s == 5


def test_the_wire_entry_is_what_chat_completions_wants() -> None:
    assert json.loads(spec_of(greet).schema_json) == {
        "type": "function",
        "function": {
            "name": "greet",
            "description": "Greet somebody.",
            "parameters": {
                "type": "object",
                "properties": {"name": {"type": "string"}},
                "required": ["name"],
                "additionalProperties": False,
            },
        },
    }


def _fingerprint(doc: str = "Doc.", **options: object) -> str:
    def probe(text: str) -> str:
        return text

    probe.__doc__ = doc
    return spec_of(tool(**options)(probe)).fingerprint  # type: ignore[call-overload,no-any-return]


@pytest.mark.parametrize(
    "changed",
    [
        _fingerprint("Other doc."),
        _fingerprint(name="other"),
        _fingerprint(confirm=True),
        _fingerprint(effect="read"),
        _fingerprint(approver="admin"),
        spec_of(greet).fingerprint,
    ],
)
def test_the_fingerprint_follows_what_an_approver_relies_on(changed: str) -> None:
    assert changed != _fingerprint()


def test_the_fingerprint_does_not_follow_the_rest() -> None:
    assert _fingerprint(timeout_s=1, roles=["a"], check=lambda text: None) == _fingerprint()


async def _async_check(text: str) -> None: ...


@pytest.mark.parametrize(
    ("check", "why"),
    [
        (_async_check, "a plain function that is not async"),
        (functools.partial(print), "a plain function that is not async"),
        (lambda: None, "must take what the tool takes"),
        (lambda text: None, "must take what the tool takes"),
        (lambda text, count: None, "must take what the tool takes"),
        (lambda context, text, count=1: None, "must take what the tool takes"),
        (lambda text, count=1, *, more: None, "must take what the tool takes"),
    ],
)
def test_a_check_that_could_not_be_called_is_refused_when_decorating(check: Callable[..., None], why: str) -> None:
    def probe(text: str, count: int = 1) -> None: ...

    with pytest.raises(ConfigError, match=why):
        tool(check=check)(probe)


def test_a_check_may_leave_out_what_it_does_not_look_at() -> None:
    @tool(check=lambda text, **_: None)
    def probe(text: str, count: int = 1) -> None: ...

    assert spec_of(probe).check is not None


def test_a_wrapper_above_the_decorator_is_what_runs() -> None:
    @functools.wraps(greet)
    def louder(name: str) -> str:
        return greet(name).upper()

    assert spec_of(louder).function is louder


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"name": "two words"}, "1 to 64 letters"),
        ({"name": ""}, "1 to 64 letters"),
        ({"name": "a" * 65}, "1 to 64 letters"),
        ({"name": "größe"}, "1 to 64 letters"),
        ({"effect": "maybe"}, "effect must be one of read, idempotent, once"),
        ({"timeout_s": 0}, "positive number of seconds"),
        ({"timeout_s": float("inf")}, "positive number of seconds"),
        ({"needs": ["note"]}, "no service 'note'"),
    ],
)
def test_unusable_options_are_refused_when_decorating(options: dict[str, object], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        tool(**{"name": "probe", **options})(lambda: None)  # type: ignore[call-overload]


def test_only_plain_functions_can_be_tools() -> None:
    with pytest.raises(ConfigError, match="only a plain function"):
        tool(functools.partial(greet, "x"))


def test_an_undecorated_function_has_no_spec() -> None:
    with pytest.raises(ConfigError, match="'len' is not a tool"):
        spec_of(len)


def test_the_registry_keeps_order_and_matches_exactly() -> None:
    registry = Registry([spec_of(wipe)])
    registry.add(spec_of(greet))

    assert registry.names == ("wipe-all", "greet")
    assert len(registry) == 2
    assert "greet" in registry
    assert "Greet" not in registry
    assert registry.get("greet") is spec_of(greet)
    assert registry.get("greet ") is None


def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="two tools are named 'greet'"):
        Registry([spec_of(greet), replace(spec_of(wipe), name="greet")])


def test_a_tool_is_available_when_its_services_are() -> None:
    spec = replace(spec_of(greet), needs=("files_dir",))

    assert not spec.is_available(Services())


def test_builtin_tools_have_unique_names() -> None:
    assert len(set(builtin_tools().names)) == len(builtin_tools())


@pytest.mark.parametrize("ttl_s", [0, -1, 31_536_001])
def test_a_waiting_time_out_of_bounds_is_refused(ttl_s: int) -> None:
    with pytest.raises(ConfigError, match="approval_ttl_s"):

        @tool(approval_ttl_s=ttl_s)
        def late() -> str:
            """Late."""
            return ""
