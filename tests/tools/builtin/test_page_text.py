"""From HTML to what a person would read."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.tools.builtin._page_text import page_text

PAGE = """<!doctype html><html><head><title> The &amp; Title </title><style>p {color: red}</style>
<script>alert("no")</script></head><body><nav><a href="/">Home</a></nav>
<header><h1>Heading</h1></header>
<p>First   paragraph with a <a href="http://x/">link
text</a>.<br>Second line &copy; 2026</p>
<ul><li>one</li><li>two</li></ul>
<table><tr><th>Name</th><th>Age</th></tr><tr><td>Bo</td><td>7</td></tr></table>
<pre>  kept
lines</pre>
<noscript>no</noscript><template>no</template><svg><text>no</text></svg>
<aside>no</aside><footer>no</footer></body></html>"""


def test_a_page_becomes_readable_text() -> None:
    title, text = page_text(PAGE)

    assert title == "The & Title"
    assert text == (
        "# Heading\n\nFirst paragraph with a link text.\nSecond line © 2026\n\n- one\n- two\n\n"
        "| Name | Age\n| Bo | 7\n\nkept\nlines"
    )


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("plain", "plain"),
        ("", ""),
        ("<p>a<p>b", "a\n\nb"),
        ("<b>bo</b>ld", "bold"),
        ("a<script>x</script>b", "ab"),
        ("a<script>x</b></script >b", "ab"),
        ("a<!-- x -->b", "ab"),
        ("<nav><p>only this</nav>", "only this"),
        ("<nav>menu <p>never closed", "menu\n\nnever closed"),
        ("<aside><nav>x</aside>kept", "kept"),
        ("</nav></p>kept</script>", "kept"),
        ("&lt;script&gt;", "<script>"),
        ("<svg/>kept", "kept"),
        ("<title>t</title><svg><title>no</title></svg>a", "a"),
        ("a\u00a0\u00a0b", "a b"),
    ],
)
def test_odd_pages(html: str, text: str) -> None:
    assert page_text(html)[1] == text


@pytest.mark.parametrize(
    "piece",
    ["<!--", "<![CDATA[", "<a ", "</", "<a b='", "<script>", "<?", "<!x", "&#", "<nav>", "</nav", "<" * 9, "<title>"],
)
def test_malformed_pages_of_two_megabytes_end_in_time(piece: str) -> None:
    html = piece * (2_000_000 // len(piece))
    started = time.monotonic()

    page_text(html, max_seconds=0.5)

    assert time.monotonic() - started < 8


@given(
    st.lists(
        st.sampled_from(["<", ">", "</", "<p>", "<nav>", "</nav>", "<!--", "-->", "<script>", "&amp;", "x", '"', "="])
    )
)
def test_any_scraps_give_text(pieces: list[str]) -> None:
    title, text = page_text("".join(pieces))

    assert title == title.strip()
    assert text == text.strip()
