"""Options become one line, and nothing typed into one of them is read as another."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from adapters.discord import lines
from adapters.discord.lines import Given, Unclear

Compose = Callable[[str, Given], str]


@pytest.mark.parametrize(
    ("compose", "given", "line"),
    [
        (
            lines.explain,
            {"tool": "pay", "arguments": 'note="come in now" amount=3'},
            'w pay note="come in now" amount=3',
        ),
        (lines.explain, {"tool": "pay", "arguments": "note=in x", "channel": "<#1>"}, "w pay note=in x in <#1>"),
        (lines.approve, {"id": "abc123"}, "w abc123"),
        (lines.approve, {"id": "abc123", "for": "Always"}, "w abc123 for always"),
        (lines.deny, {"id": "abc123", "reason": "for 8h\r\n not now"}, "w abc123 for 8h not now"),
        (lines.rule, {"tool": "a , b,", "who": "<@1>"}, "w <@1> a,b"),
        (lines.rule, {"tool": "a", "who": "<@1>", "for": "for 1H 30m"}, "w <@1> a for 1h30m"),
        (lines.rule, {"tool": "a", "who": "<@1>", "when": 'note="wait for 2h"'}, 'w <@1> a when note="wait for 2h"'),
        (lines.reset, {"channel": "<#1>"}, "w <#1>"),
        (lines.approver, {"tool": "a", "rule": "finance then admin after 2h"}, "w a finance then admin after 2h"),
        (lines.erase, {"who": "<@1>", "sure": ""}, "w <@1>"),
        (lines.audit, {}, "w"),
        (lines.audit, {"export": "", "limit": "5"}, "w limit=5"),
        (lines.simulate, {"change": "allow <@1> a for 2h"}, "w allow <@1> a for 2h for 30d"),
        (lines.simulate, {"change": "deny <@1> a", "for": "7d"}, "w deny <@1> a for 7d"),
        (lines.document, {"file": "a\nb"}, "w\na\nb"),
    ],
)
def test_options_become_a_line(compose: Compose, given: dict[str, str], line: str) -> None:
    assert compose("w", given) == line


@pytest.mark.parametrize(
    ("compose", "given"),
    [
        (lines.explain, {"tool": "pay in", "arguments": "<#1>"}),
        (lines.explain, {"tool": "<@2>", "arguments": "pay"}),
        (lines.explain, {"tool": "slack:T1/U2", "arguments": "pay"}),
        (lines.explain, {"tool": "pay", "arguments": "amount=3 in <#2>"}),
        (lines.explain, {"tool": "pay", "arguments": "in <#2>"}),
        (lines.explain, {"tool": "pay", "arguments": "a=1\nb=2"}),
        (lines.approve, {"id": "abc123 for always"}),
        (lines.approve, {"id": "abc123", "for": "8h always"}),
        (lines.deny, {"id": "abc123 def456"}),
        (lines.by_id, {"id": ""}),
        (lines.model, {"label": "m fast"}),
        (lines.lasting, {"for": "ever"}),
        (lines.lasting, {"for": "2h; x"}),
        (lines.rule, {"tool": "a for 2h", "who": "<@1>"}),
        (lines.rule, {"tool": "a", "who": "<@1>", "when": "x=1 for 2h"}),
        (lines.rule, {"tool": "a", "who": "<@1>", "when": "x=1 for 2h", "for": "3h"}),
        (lines.rule, {"tool": "a", "who": "<@1>", "when": "x=1\ny=2"}),
        (lines.rule, {"tool": "a", "who": "<@1>", "for": "2h when x=1"}),
        (lines.rule, {"tool": "a", "who": "<@1>", "channel": "<#1>"}),
        (lines.rule, {"tool": "a"}),
        (lines.role, {"role": "admin for 2h", "who": "<@1>"}),
        (lines.role, {"role": "admin\u200b", "who": "<@1>"}),
        (lines.approver, {"tool": "a", "rule": "none when x=1"}),
        (lines.approver, {"tool": "a", "rule": "unless x=1"}),
        (lines.approver, {"tool": "a", "rule": "finance for 2h"}),
        (lines.approver, {"tool": "a b", "rule": "finance"}),
        (lines.approver, {"tool": "a", "rule": "finance", "when": "x=1", "unless": "x=2"}),
        (lines.pair, {"person": "<@1>"}),
        (lines.pair, {"person": "<@1>", "other": "<@2>", "identity": "slack:T1/U2"}),
        (lines.pair, {"person": "<@1>", "identity": "slack:T1/U2 x"}),
        (lines.audit, {"tool": "pay who=<@2>"}),
        (lines.simulate, {"change": "ask <@1> a\nallow <@1> b"}),
    ],
)
def test_what_would_be_read_as_something_else_is_refused(compose: Compose, given: dict[str, str]) -> None:
    with pytest.raises(Unclear):
        compose("w", given)
