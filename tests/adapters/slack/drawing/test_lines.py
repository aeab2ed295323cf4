"""What was written after a slash command, as a line of words."""

from __future__ import annotations

import pytest

from adapters.slack.drawing.lines import line_of, people_in


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("help", "help"),
        ("deny <@U1|anna> deploy for 2h", "deny <@U1> deploy for 2h"),
        ("deny <@W1|anna berg> deploy", "deny <@W1> deploy"),
        ("deny <@U1> deploy", "deny <@U1> deploy"),
        ("ask <!subteam^S1|@ops> deploy", "ask <!subteam^S1> deploy"),
        ("show <#C1|general>", "show <#C1>"),
        ("show <#C1|>", "show <#C1>"),
        ("allow <!everyone> deploy", "allow @everyone deploy"),
        ("allow <!here|here> deploy", "allow @here deploy"),
        ("allow <!channel|@channel> deploy", "allow @channel deploy"),
        (
            "allow <@U1|a> fetch when url.host=<http://docs.example|docs.example>",
            "allow <@U1> fetch when url.host=docs.example",
        ),
        ("explain fetch url=<https://a.example/b?c=1&amp;d=2>", "explain fetch url=https://a.example/b?c=1&d=2"),
        ("show <mailto:anna@a.example|anna@a.example>", "show anna@a.example"),
        ("show <mailto:anna@a.example>", "show anna@a.example"),
        ("allow @anna pay when amount&lt;=100", "allow @anna pay when amount<=100"),
        ("deny 12ab34 R&amp;D says no &amp;amp; &gt; &quot;", "deny 12ab34 R&D says no &amp; > &quot;"),
        ("policy import\n[[rules]]\nwho = '<@U1|x>'", "policy import\n[[rules]]\nwho = '<@U1>'"),
    ],
)
def test_a_line_names_ids_and_else_holds_what_was_typed(text: str, line: str) -> None:
    assert line_of(text) == line


def test_a_line_names_few_people_each_once() -> None:
    line = "role <@U1> x <@W2> <@U1> <#C1> <!subteam^S1> " + " ".join(f"<@U{number}>" for number in range(3, 9))

    assert people_in(line) == ["U1", "W2", "U3", "U4", "U5"]
