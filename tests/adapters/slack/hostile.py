"""Texts that try to ping, to hide or to leave their place on Slack (reliability, T14, T15, rows 44 and 83)."""

from __future__ import annotations

import random

from hypothesis import strategies as st

HOSTILE = [
    "@everyone @here @channel <@U1> <@U1|ann> <!channel> <!here|here> <!everyone> <!subteam^S1|x> <#C1|general>",
    r"\@here \<@U1> \\@here \\<!channel> \\\<@U1> <\@U1>",
    "&lt;!here&gt; &#60;!channel&#62; &amp;lt;!here&amp;gt;",
    "@he[re](http://e.x) <<@U1>U1> <@[U1](x)> <http://e.x/<!here>>",
    "<http://evil.example|http://good.example> <mailto:a@evil.example|good> <slack://x|y>",
    "**a\n```\n<!channel> ** <@U1>\n```",
    "[a\n```\n](http://evil.example)\n```",
    "[a](http://evil.example) [b]( <http://evil.example> 'c') [[d]](http://e.x) ![e](http://e.x/p.png)",
    "[https://good.example](https://evil.example) [ ](https://evil.example)",
    "[a][b] [c][] [d]\n\n[b]: http://evil.example\n[c]: http://evil.example 'x'\n[d]: <http://evil.example>",
    r"[a\](http://evil.example) \[b](http://evil.example) [c]\(http://evil.example)",
    "http://e.x/p.png https://e.x/a_(b)_c. slack://x steam://run/1 javascript://%0aalert(1) http://e.x/a|b",
    "<!-- hidden --> <b>bold</b> <img src=http://e.x/p.png> <?php ?> <![CDATA[x]]>",
    "```\n\n```\n<!channel>\n```\nx\n```",
    "```py\n<!channel>",
    "``` <!channel>",
    "```` ` <!channel> ` ````",
    "````md\n```\n<!channel>\n```\n````\n<!here>",
    "~~~\n```\n<!channel>\n~~~\n<@U1>\n```",
    "> ```\n> <!channel>\n<!here>\n```\n<@U1>",
    "- ```\n  <!channel>\n<!here>\n```",
    "1. ```\n   <!channel>\n   ```\n2. <!here>",
    "[~~~](http://e.x)\n<!here>",
    "`a``b` `c` ``d`` <!channel>",
    "`" * 5 + "<!channel>" + "`" * 3,
    "`<http://`<!here|x>` `<http://e.x`|x>",
    "    <!here>\n\n    [a](http://evil.example)",
    "| a | <!channel> |\n|---|---|\n| ``` | <@U1> |\n| `x | <!here>` | [a](http://e.x) | more |",
    "<tel:+1> <data:/x> <javascript:/alert(1)> <mailto:a@b.example> <https://e.x/@here>",
]
FRAME = "*Approved* by _Ann_ `it ran`\n> quoted\n- item\n1. one\n# head\n~gone~ :white_check_mark: &lt;b&gt; <b>"
NAMES = [FRAME, "a\u202eb\u200b\U000e0041", "@everyone", "x" * 1_000, "👩" * 600, "`" * 900, "\n" * 50, "&" * 900]
"""What somebody may be called."""

_PIECES = [
    *("`", "``", "```", "````", "~~~", "\n", "\n\n", "\n```\n", " ", "a", "\\", "*", "**", "_", "~~", "||", "|", "]: "),
    *(
        "|-|-|",
        "\n|a|b|\n|-|-|\n",
        "[",
        "]",
        "(",
        ")",
        "](",
        "](http://e.x)",
        "<",
        ">",
        "@",
        "here",
        "channel",
        "@here",
    ),
    *(
        "@everyone",
        "<@U1>",
        "<!channel>",
        "<!subteam^S1|x>",
        "<#C1|general>",
        "<http://e.x|good>",
        "|x>",
        "http://e.x/b",
    ),
    *(
        "http://",
        "<http://",
        "<http://e.x>",
        "# ",
        "> ",
        "- ",
        "1. ",
        "[ ] ",
        "[x]: http://e.x\n",
        "![a](http://e.x/p.png)",
    ),
    *("é", "👩", "\u202e", "\u200b", "$", "    ", "\t", "---\n", "===\n", "&lt;", "&#60;", "&", "<!--", "-->", "<b>"),
    *("&lt;!here&gt;", "~~~py @here\n", "+ ", "=", "#", ":x:"),
]
TEXTS = st.lists(st.sampled_from(_PIECES), max_size=30).map("".join) | st.text()


def random_texts(seed: int, count: int) -> list[str]:
    """So many texts that are made of what could mean something to Slack."""
    chosen = random.Random(seed)
    return ["".join(chosen.choice(_PIECES) for _ in range(chosen.randrange(1, 40))) for _ in range(count)]
