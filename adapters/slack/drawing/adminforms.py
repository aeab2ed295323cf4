"""Forms for admins: a person's role, and what is allowed, asked about and denied to them; and the line each stands for.

A form is only another way to write the words after `/nod-admin`: who may use them is judged when they are sent. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from adapters.slack.drawing.words import plain
from adapters.slack.handlers import Body

ROLE_FORM, LISTS_FORM = "nod_role", "nod_lists"
"""What opens a form, and what it is called when it is sent."""
WHO, ROLE, TOOLS, VERB, WHEN, FOR = "who", "role", "tools", "verb", "when", "for"
MAX_TOOLS = 20
MAX_WHEN_CHARS = 300
MAX_CHOICE_CHARS = 75
"""Slack: the text of an option; its value may be longer (docs, "Option object")."""
MAX_CHOICES = 100
_VERBS = {
    "allow": "Allow: run it without asking",
    "ask": "Ask: always ask before it runs",
    "deny": "Deny: not at all",
    "reset": "Reset: take back all of these",
}
_TIMES = {"2h": "For 2 hours", "1d": "For a day", "7d": "For a week", "30d": "For 30 days"}
COMPLETED = {ROLE: "role - ", TOOLS: "reset - "}
"""The line before what is typed into a menu, by the menu: completing goes by the position in the line alone."""


def role_form() -> Body:
    role = {"type": "external_select", "min_query_length": 0, "placeholder": plain("Choose a role")}
    return _form(ROLE_FORM, "Give somebody a role", [_person(), _input(ROLE, "Role", role), _how_long()])


def lists_form() -> Body:
    tools = {
        "type": "multi_external_select",
        "min_query_length": 0,
        "max_selected_items": MAX_TOOLS,
        "placeholder": plain("Choose tools"),
    }
    verbs = {"type": "radio_buttons", "options": [_option(value, text) for value, text in _VERBS.items()]}
    when = {"type": "plain_text_input", "max_length": MAX_WHEN_CHARS, "placeholder": plain("amount<=100")}
    return _form(
        LISTS_FORM,
        "What somebody may do",
        [
            _person(),
            _input(TOOLS, "Tools", tools),
            _input(VERB, "What about them", verbs),
            _input(WHEN, "Only when the arguments are so", when, is_optional=True),
            _how_long(),
        ],
    )


def line_of(callback: str, inputs: dict[str, str]) -> str:
    """The words that a form stands for, as after `/nod-admin`; "" for what is no form of these."""
    said = {name: " ".join(inputs.get(f"{name}/{name}", "").split()) for name in (WHO, ROLE, TOOLS, VERB, WHEN, FOR)}
    ends = f" for {said[FOR]}" if said[FOR] else ""
    match callback:
        case _ if callback == ROLE_FORM:
            return f"role <@{said[WHO]}> {said[ROLE]}{ends}"
        case _ if callback == LISTS_FORM:
            limits = f" when {said[WHEN]}" if said[WHEN] and said[VERB] != "reset" else ""
            ends = "" if said[VERB] == "reset" else ends
            return f"{said[VERB]} <@{said[WHO]}> {said[TOOLS]}{limits}{ends}"
        case _:
            return ""


FORMS: dict[str, Callable[[], Body]] = {ROLE_FORM: role_form, LISTS_FORM: lists_form}


def choices(values: Iterable[str]) -> list[Body]:
    """What a menu offers. What is too long to be shown in full is not offered."""
    fitting = [one for one in dict.fromkeys(values) if 0 < len(one) <= MAX_CHOICE_CHARS]
    return [_option(one, one) for one in fitting[:MAX_CHOICES]]


def _form(callback: str, title: str, blocks: list[Body]) -> Body:
    return {
        "type": "modal",
        "callback_id": callback,
        "title": plain(title),
        "submit": plain("Set it"),
        "close": plain("Cancel"),
        "blocks": blocks,
    }


def _input(name: str, label: str, element: Body, *, is_optional: bool = False) -> Body:
    whole: dict[str, Any] = {**element, "action_id": name}
    return {"type": "input", "block_id": name, "label": plain(label), "optional": is_optional, "element": whole}


def _person() -> Body:
    return _input(WHO, "Person", {"type": "users_select", "placeholder": plain("Choose a person")})


def _how_long() -> Body:
    times = {"type": "static_select", "options": [_option(value, text) for value, text in _TIMES.items()]}
    return _input(FOR, "How long", {**times, "placeholder": plain("For good")}, is_optional=True)


def _option(value: str, text: str) -> Body:
    return {"value": value, "text": plain(text)}
