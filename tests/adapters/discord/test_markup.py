"""What the model, tools and people write is inert on Discord (T9, T11, T14, T15, row 44)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.discord.markup import (
    answer_of,
    inert,
    notice_parts,
    one_line,
    parts_of,
    plain,
    private_answer,
    shortened,
    size,
)
from adapters.visible import exact
from tests.adapters.discord.reader import read

HOSTILE = [
    "@everyone @here <@1> <@!1> <@&1> <#1> </nod show:1> <id:browse> <:a:1> <a:b:2>",
    r"\@everyone \<@1> \\@everyone \\<@1> \\\<@1>",
    "@every[one](http://e.x) <<:a:1>1> <@[1](x)> @<:a:1>here",
    "**a\n```\n@everyone ** <@1>\n```",
    "*a `*@everyone` b* _c `_<@1>` d_ ~~e `~~@here` f~~",
    "[a\n```\n](http://evil.example)\n```",
    "[a](http://evil.example) [b]( <http://evil.example> 'c') [[d]](http://e.x) ![e](http://e.x/p.png)",
    "[https://good.example](https://evil.example) [ ](https://evil.example)",
    r"[a\](http://evil.example) \[b](http://evil.example) [c]\(http://evil.example)",
    "http://e.x/p.png https://e.x/a_(b)_c. steam://run/1 discord://x javascript://%0aalert(1)",
    r"\https://evil.example \\https://evil.example https\://evil.example",
    "discord.gg/abc https://discord.gg/abc <https://discord.gg/abc> discord.com/invite/abc",
    "||spoiler|| |||| ||a\n```\n||\n```",
    "-# small\n> -# quoted\n- -# listed\n*-# styled*\n -# indented",
    "```\n\n```\n@everyone\n```\nx\n```",
    "```py\n@everyone",
    "``` @everyone",
    "```` ` @everyone ` ````",
    "````md\n```\n@everyone\n```\n````\n@here",
    "~~~\n```\n@everyone\n~~~\n<@1>\n```",
    "> ```\n> @everyone\n@here\n```\n<@1>",
    "- ```\n  @everyone\n@here\n```",
    "`a``b` `c` ``d`` @everyone",
    "`" * 5 + "@everyone" + "`" * 3,
    "| a | @everyone |\n|---|---|\n| ``` | <@1> |\n| @here |",
    "<https://e.x/@everyone> <everyone@here.com> https://e.x/@here",
    "<tel:+1> <data:/x> <javascript:/alert(1)> <mailto:a@b.example>",
    "***a** b* ~~~c~~~ ~~d~~_e_ **f***g*",
]
PIECES = st.sampled_from(
    [
        *("`", "``", "```", "````", "~~~", "\n", "\n\n", "\n```\n", " ", "a", "\\", "*", "**", "***", "_", "__", "~~"),
        *("||", "|", "|-|-|", "[", "]", "(", ")", "](", "](http://e.x)", "<", ">", "@", "every", "one", "@everyone"),
        *("@here", "<@1>", "<@&1>", "<#1>", "<:a:1>", "<a:", ":1>", "<t:1:R>", "</a:1>", "http://e.x/b", "http://"),
        *("<http://e.x>", "discord.gg/a", "-# ", "> ", "- ", "1. ", "# ", "é", "👩", "\u202e", "\u200b", "$"),
    ]
)
TEXTS = st.lists(PIECES, max_size=30).map("".join) | st.text()
LONG_TEXTS = st.lists(TEXTS, min_size=1, max_size=40).map(" ".join)


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_of_the_model_is_alive(text: str) -> None:
    seen = read(inert(text))

    assert seen.alive == []
    assert seen.small == []


@given(TEXTS)
def test_nothing_is_alive_whatever_the_model_writes(text: str) -> None:
    seen = read(inert(text))

    assert seen.alive == []
    assert seen.small == []


@pytest.mark.parametrize("text", [*HOSTILE, "* ", "<a:`>", "*``**`*", "](http://e.x)\\\\|-|", "\n```\n`\n\n", "<-# "])
def test_what_is_drawn_twice_is_drawn_once(text: str) -> None:
    assert inert(inert(text)) == inert(text)


@given(TEXTS)
def test_what_is_inert_stays_as_it_is(text: str) -> None:
    once = inert(text)

    assert inert(once) == once


@settings(deadline=None)
@given(LONG_TEXTS, st.integers(200, 400))
def test_no_part_of_an_answer_is_alive_empty_or_too_long(text: str, limit: int) -> None:
    for part in parts_of(text, limit):
        assert read(part).alive == []
        assert 0 < size(part) <= limit
        assert part == part.strip()


@given(TEXTS)
def test_what_is_plain_is_seen_as_it_is_and_nothing_of_it_is_alive(text: str) -> None:
    seen = read(plain(text))

    assert (seen.alive, seen.small) == ([], [])
    assert len(seen.code) == len(read(plain(text)).code)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_names_are_seen_to_the_last_character(text: str) -> None:
    seen = read(one_line(text))

    if not seen.code:
        assert seen.text == exact(text.replace("\n", "\\u{a}"))


@given(TEXTS)
def test_what_is_plain_is_inert(text: str) -> None:
    assert read(inert(plain(text))) == read(plain(text))


# --- how the model's Markdown looks ---


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[Docs](https://e.x/a_b)", "Docs (<https://e.x/a_b>)"),
        ("![Logo](http://e.x/p.png)", "Logo (<http://e.x/p.png>)"),
        ("[![a](http://e.x/b)](http://e.x/c)", "a (<http://e.x/b>) (<http://e.x/c>)"),
        ("[https://e.x](https://e.x)", "<https://e.x>"),
        ("[https://good.example](https://evil.example)", "<https://good.example> (<https://evil.example>)"),
        ("[run](javascript:alert(1)) [file](./a.md)", "run (`javascript:alert(1)`) file (`./a.md`)"),
        ("See https://e.x/a_(b). Or (http://e.x)!", "See <https://e.x/a_(b)>. Or (<http://e.x>)!"),
        ("<https://e.x> <mailto:a@b.example> ftp://e.x/f", "<https://e.x> <mailto:a@b.example> `ftp://e.x/f`"),
        ("**https://e.x**", "**<https://e.x>**"),
        ("Hi @everyone, <@1> and <@&2> in <#3>", "Hi `@everyone`, `<@1>` and `<@&2>` in `<#3>`"),
        ("<:wave:1> <a:dance:2> at <t:3:R>", ":wave: :dance: at <t:3:R>"),
        ("**b** *i* __u__ ~~s~~ `c`", "**b** *i* __u__ ~~s~~ `c`"),
        ("snake_case_name 2 * 3 * 4 **open", r"snake\_case\_name 2 \* 3 \* 4 \*\*open"),
        ("||hidden||", r"\|\|hidden\|\|"),
        ("-# small\n# Title\n#### Deep", "\\-# small\n# Title\n### Deep"),
        ("- a\n+ b\n> c", "- a\n- b\n> c"),
        (">>> a\n>\n>> b", "> a\n> \n> b"),
        ("List<String> <div> a < b", r"List\<String> \<div> a < b"),
        ("a\u202eb", r"a\u{202e}b"),
    ],
)
def test_markdown_reads_as_it_was_meant(text: str, shown: str) -> None:
    assert inert(text) == shown


@pytest.mark.parametrize(
    "code", ["`@everyone <@1>`", "`||a|| [b](http://e.x)`", "``a`b``", "```py\n@everyone\n**x** http://e.x\n```"]
)
def test_nothing_changes_within_code(code: str) -> None:
    assert inert(code) == code


def test_code_in_other_fences_is_code_here() -> None:
    assert inert("~~~py\nx\n~~~") == "```py\nx\n```"
    assert inert("````md\n```py\nx\n```\n````") == "```md\n``\\u{60}py\nx\n``\\u{60}\n```"


def test_code_within_a_list_or_a_quotation_stands_at_the_margin() -> None:
    assert inert("- do\n  ```py\n  if x:\n\n    y\n  ```\n- done") == "- do\n```py\nif x:\n\n  y\n```\n- done"
    assert inert("> see\n> ```\n>  x\n> ```\n> so") == "> see\n```\n x\n```\n> so"


def test_a_table_is_aligned() -> None:
    text = "| Name | Price |\n|:--|--:|\n| **tea** | 1 |\n| 日本 | 20 |\n| a\\|b |\n\nafter"

    assert inert(text) == "```\nName | Price\n-----+------\ntea  |     1\n日本 |    20\na|b  |\n```\n\nafter"


def test_text_that_breaks_off_is_closed() -> None:
    assert inert("so:\n```py\nx = 1\n") == "so:\n```py\nx = 1\n```"


@pytest.mark.parametrize("text", ["[", "`a", "*a ", "<:a:1>", "[a](b) ", "[`", "\\", "<", "@everyone", "a://"])
def test_a_very_long_line_is_drawn(text: str) -> None:
    assert read(inert(text * 5_000)[:10_000]).alive == []


# --- whole answers ---


def test_what_is_shortened_says_how_long_it_is() -> None:
    assert shortened("a\n\n b", 80) == "a b"
    assert shortened("x" * 1_000, 80) == "x" * 51 + " … (1,000 characters in all)"


@given(TEXTS, st.integers(60, 300))
def test_what_is_shortened_fits(text: str, room: int) -> None:
    assert size(shortened(text * 9, room)) <= room


def test_length_is_counted_in_the_larger_way() -> None:
    assert size("a👩") == 3
    assert [size(part) <= 2_000 for part in parts_of("👩" * 3_000)] == [True] * 4


def test_an_answer_of_a_few_messages_is_sent_as_they_are() -> None:
    parts, file = answer_of("word " * 1_500)

    assert (len(parts), file) == (4, None)


def test_a_long_answer_is_its_beginning_and_a_file() -> None:
    text = "word " * 4_000 + "END"

    [beginning], file = answer_of(text)

    assert file == ("answer.md", text.encode())
    assert beginning.endswith("\n-# This is the beginning: all 20,003 characters are in `answer.md`.")
    assert size(beginning) <= 2_000


def test_nothing_said_is_a_message_all_the_same() -> None:
    assert answer_of(" \n") == (["…"], None)
    assert notice_parts("", (1,)) == ["<@1> …"]
    assert private_answer("\n" * 5_000)[0].startswith("…\n-# This is the beginning")


def test_a_short_private_answer_is_a_message() -> None:
    assert private_answer("**allow** `x`") == ("**allow** `x`", None)
    assert private_answer("```diff\n+ a\n```") == ("```diff\n+ a\n```", None)


def test_a_long_private_answer_is_a_file() -> None:
    shown, file = private_answer("line\n" * 1_000)

    assert shown.startswith("line\nline\n")
    assert file == ("answer.md", b"line\n" * 1_000)


@pytest.mark.parametrize("language", ["toml", "json", "csv"])
def test_what_is_a_file_comes_as_one(language: str) -> None:
    shown, file = private_answer(f"```{language}\na = '```'\nb\n```")

    assert shown == f"Here it is as a file: `nod.{language}`, 2 lines."
    assert file == (f"nod.{language}", b"a = '```'\nb\n")


def test_what_holds_several_blocks_is_no_file() -> None:
    text = "```json\n1\n```\nand\n```json\n2\n```"

    assert private_answer(text) == (text, None)


def test_a_notice_calls_those_it_is_for_and_nobody_else() -> None:
    [part] = notice_parts("<@7> @everyone *now*", (1, 2))

    assert read(part).alive == ["<@1>", "<@2>"]
    assert part.startswith("<@1> <@2> ")


def test_a_long_notice_calls_once() -> None:
    parts = notice_parts("word " * 1_000, (1,))

    assert [read(part).alive for part in parts] == [["<@1>"], [], []]
    assert all(size(part) <= 2_000 for part in parts)
