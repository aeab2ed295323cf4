"""What the model, tools and people write is inert on Slack (T9, T11, T14, T15, rows 44 and 83)."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.slack.drawing.markup import (
    MAX_CHARS,
    answer_of,
    inert,
    mention,
    mentioned,
    mrkdwn,
    notice_parts,
    one_line,
    parts_of,
    plain,
    private_answer,
    short_code,
    shortened,
    size,
    steady,
)
from adapters.visible import exact
from tests.adapters.slack.hostile import HOSTILE, NAMES, TEXTS, random_texts
from tests.adapters.slack.reader import read

SEEDS = range(20)


def words(text: str) -> list[str]:
    """The words of a text that nothing of Markdown is made of."""
    return re.findall(r"w\d+w", text)


# --- nothing is alive, nothing hides ---


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_of_the_model_is_alive(text: str) -> None:
    assert read(inert(text)).alive == []


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_of_many_random_texts_is_alive_and_drawing_again_changes_nothing(seed: int) -> None:
    for text in random_texts(seed, 100):
        drawn = inert(text)
        assert read(drawn).alive == [], text
        assert inert(drawn) == drawn


@given(TEXTS)
def test_nothing_is_alive_whatever_the_model_writes(text: str) -> None:
    assert read(inert(text)).alive == []


@pytest.mark.parametrize("seed", SEEDS)
def test_no_line_of_many_random_texts_hides(seed: int) -> None:
    for text in random_texts(seed, 50):
        marked = "".join(f"{line}\nw{at}w\n" for at, line in enumerate(text.split("\n")))
        assert words(inert(marked)) == words(marked)
        assert sorted(words(read(inert(marked)).everything)) == sorted(words(marked))


@pytest.mark.parametrize("seed", SEEDS)
def test_parts_of_many_random_texts_hold_all_of_them(seed: int) -> None:
    for text in random_texts(seed, 10):
        marked = "".join(f"{line}\nw{at}w\n" for at, line in enumerate((text * 9).split("\n")))
        parts = parts_of(marked, 300)
        seen = [read(part) for part in parts]
        assert [word for part in parts for word in words(part)] == words(marked)
        assert [one.alive for one in seen] == [[]] * len(parts)
        assert not any(one.is_open for one in seen)
        assert all(0 < size(part) <= 300 for part in parts)


@pytest.mark.parametrize("text", [*HOSTILE, "x\n```py\n\n\n", "| a |\n|---|\n| b |\nafter", "a\r\nb\rc"])
def test_what_is_steady_stays_as_it_is_whatever_follows(text: str) -> None:
    drawn = inert(text)

    for end in range(len(text) + 1):
        assert drawn.startswith(steady(text[:end]))


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_steady_of_many_random_texts_stays(seed: int) -> None:
    for text in random_texts(seed, 30):
        drawn = inert(text)
        for end in range(0, len(text), 7):
            assert drawn.startswith(steady(text[:end])), (text, end)


def test_most_of_a_text_is_steady_while_it_is_written() -> None:
    assert steady("The first words of a lin") == "The first words of a "
    assert steady("Done.\n- one\n- tw") == "Done.\n- one\n"
    assert steady("Look:\n```py\nx = 1\ny =") == "Look:\n```py\nx = 1\n"
    assert steady("Look:\n```py\nx = 1\n```\nSo it ") == "Look:\n```py\nx = 1\n```\nSo it "
    assert steady("see [the docs](http") == "see "
    assert steady("| a | b |\n|---|---|\n| 1 | 2 |\n") == ""
    assert steady("| a | b |\n|---|---|\n| 1 | 2 |\n\nNow ") == "| a | b |\n| --- | --- |\n| 1 | 2 |\n\nNow "


# --- how the model's Markdown looks ---


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[Docs](https://e.x/a_b)", "Docs (<https://e.x/a_b>)"),
        ("![Logo](http://e.x/p.png)", "Logo (<http://e.x/p.png>)"),
        ("[![a](http://e.x/b)](http://e.x/c)", "a (<http://e.x/b>) (<http://e.x/c>)"),
        ("[https://e.x](https://e.x)", "<https://e.x>"),
        ("[https://good.example](https://evil.example)", "<https://good.example> (<https://evil.example>)"),
        ("<https://evil.example|good>", "`https://evil.example|good`"),
        ("[run](javascript:alert(1)) [file](./a.md)", "run (`javascript:alert(1)`) file (`./a.md`)"),
        ("See https://e.x/a_(b). Or (http://e.x)!", "See <https://e.x/a_(b)>. Or (<http://e.x>)!"),
        ("<https://e.x?a=1&b=2> ftp://e.x/f", "<https://e.x?a=1&b=2> `ftp://e.x/f`"),
        ("Hi @here, <@U1> and <!subteam^S2> in <#C3>", "Hi `@here`, &lt;@U1> and &lt;!subteam^S2> in &lt;#C3>"),
        ("**b** *i* __u__ ~~s~~ `c` ***a***", "**b** *i* __u__ ~~s~~ `c` ***a***"),
        ("List<String> <div> a < b", "List&lt;String> &lt;div> a &lt; b"),
        ("[1] and [x][y]", r"\[1] and \[x]\[y]"),
        ("[b]: http://e.x", r"\[b]: <http://e.x>"),
        ("- [ ] todo\n- [x] done\n- [x](http://e.x)", "- [ ] todo\n- [x] done\n- x (<http://e.x>)"),
        ("# Title\n### Deep\n> quote\n1. one", "# Title\n### Deep\n> quote\n1. one"),
        ("# " + "x" * 151, "x" * 151),
        ("# ~~~" + "x" * 151, "\\~~~" + "x" * 151),
        ("#\n## \n#tag", "\\#\n\\#\\# \n#tag"),
        ("[# a](http://e.x)", "\\# a (<http://e.x>)"),
        ("a\u202eb", r"a\u{202e}b"),
    ],
)
def test_markdown_reads_as_it_was_meant(text: str, shown: str) -> None:
    assert inert(text) == shown


@pytest.mark.parametrize(
    "code", ["`@here **x**`", "`List<String> a < b`", "``a`b``", "```py\n@here\n**x** http://e.x <b> <!-- x -->\n```"]
)
def test_nothing_changes_within_code(code: str) -> None:
    assert inert(code) == code


@pytest.mark.parametrize("own", ["<@U1>", "<!here>", "<#C1|general>", "<!subteam^S1|x>", "<http://e.x|good>"])
def test_what_slack_could_read_as_its_own_is_broken_in_code_too(own: str) -> None:
    assert inert(f"`{own}`") == f"`&lt;{own[1:]}`"
    assert inert(f"```\n{own}\n```") == f"```\n&lt;{own[1:]}\n```"


def test_code_in_other_fences_is_code_here() -> None:
    assert inert("~~~py\nx\n~~~") == "```py\nx\n```"
    assert inert("````md\n```py\nx\n```\n````") == "```md\n``\\u{60}py\nx\n``\\u{60}\n```"


def test_code_within_a_list_or_a_quotation_stands_at_the_margin() -> None:
    assert inert("- do\n  ```py\n  if x:\n\n    y\n  ```\n- done") == "- do\n```py\nif x:\n\n  y\n```\n- done"
    assert inert("> see\n> ```\n>  x\n> ```\n> so") == "> see\n```\n x\n```\n> so"
    assert inert("2. ```\n   x\n   ```") == "\n2.\n```\nx\n```"


def test_a_table_stays_a_table() -> None:
    text = "| Name | Price |\n|:--|--:|\n| **tea** | 1 |\n| a\\|b |\n| c | `d` | [e](http://e.x) |\nafter"

    assert inert(text) == (
        "| Name | Price |\n| --- | --: |\n| **tea** | 1 |\n| a\\|b |  |\n| c | `d` \\| e (<http://e.x>) |\n\nafter"
    )


@pytest.mark.parametrize("rows", [[["x" * 40] * 2] * 40, [["x"] * 21], [["x"] * 2] * 120])
def test_a_table_too_large_for_slack_is_aligned(rows: list[list[str]]) -> None:
    lines = [rows[0], ["---"] * len(rows[0]), *rows]

    shown = inert("\n".join(f"| {' | '.join(row)} |" for row in lines))

    assert shown.startswith("```\nx")
    assert shown.count(" | ") == (len(rows) + 1) * (len(rows[0]) - 1)


def test_text_that_breaks_off_is_closed() -> None:
    assert inert("so:\n```py\nx = 1\n") == "so:\n```py\nx = 1\n```"


@pytest.mark.parametrize("text", ["[", "`a", "*a ", "<@", "[a](b) ", "[`", "\\", "<", "@here", "a://", "|", "<a:"])
def test_a_very_long_line_is_drawn(text: str) -> None:
    assert read(inert(text * 5_000)[:10_000]).alive == []


# --- names and sentences ---


@given(TEXTS)
def test_nothing_that_is_plain_is_alive_or_formatted(text: str) -> None:
    seen = read(plain(text))

    loud = re.findall(r"@(?:here|channel|everyone)(?![A-Za-z0-9])", exact(text), re.IGNORECASE)
    assert (seen.alive, seen.risen, seen.code) == ([], 0, loud)
    assert read(inert(plain(text))).alive == []


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="@")) | st.sampled_from(NAMES))
def test_names_are_seen_to_the_last_character(text: str) -> None:
    seen = read(one_line(text))

    expected = exact(text.replace("\n", "\\u{a}"))
    assert "".join(seen.everything.split()) == "".join(expected.split())


@pytest.mark.parametrize("indent", ["\t", "    ", "  \t", " \t \t", "\n     ", "\n\t"])
def test_what_is_indented_is_no_code(indent: str) -> None:
    assert read(plain(f"{indent}`a` *b*")).code == []


def test_a_sentence_of_the_bot_reads_as_it_is() -> None:
    said = "Still waiting for approval by Ann (web:ann): files_write, asked for by Bob. It expires in 2 h 5 min."

    assert plain(said) == said
    assert plain("- a\n1. b\n# c\n> d\n*e* _f_ ~g~ `h` [i](j) :k: &lt; <l> a|b \\") == (
        "\\- a\n1\\. b\n\\# c\n&gt; d\n\\*e\\* \\_f\\_ \\~g\\~ \\`h\\` \\[i](j) \\:k: &amp;lt; &lt;l> a\\|b \\\\"
    )


@pytest.mark.parametrize("text", [*HOSTILE, *NAMES])
def test_nothing_in_a_notification_is_alive_or_styled(text: str) -> None:
    shown = mrkdwn(text)

    assert not re.search(r"[<>`\n]|&(?!amp;|lt;|gt;)|(?<![A-Za-z0-9])[*_~]|[*_~](?![A-Za-z0-9])", shown)
    assert not re.search("@(?:here|channel|everyone)", shown)


def test_a_notification_names_a_tool_as_it_is_called() -> None:
    assert mrkdwn("files_write for <Ann> & *Bob*") == "files_write for &lt;Ann&gt; &amp; ∗Bob∗"


@pytest.mark.parametrize("text", ["U1|x", "", "u1", "U1>", "S1", "U1\n"])
def test_only_an_id_of_a_person_is_pinged(text: str) -> None:
    with pytest.raises(ValueError, match="no id of a person"):
        mention(text)


def test_what_is_shortened_says_how_long_it_is() -> None:
    assert shortened("a\n\n b", 80) == "a b"
    assert shortened("x" * 1_000, 80) == "x" * 51 + " … (1,000 characters in all)"
    assert short_code("<@U1>`", 80) == "`&lt;@U1>\\u{60}`"


@given(TEXTS, st.integers(60, 300))
def test_what_is_shortened_fits(text: str, room: int) -> None:
    assert size(shortened(text * 9, room)) <= room


# --- whole answers ---


def test_an_answer_of_a_few_messages_is_sent_as_they_are() -> None:
    parts, file = answer_of("word " * 5_000)

    assert ([size(part) <= MAX_CHARS for part in parts], file) == ([True] * 3, None)


def test_a_long_answer_is_its_beginning_and_a_file() -> None:
    text = "word " * 8_000 + "END"

    [beginning], file = answer_of(text)

    assert file == ("answer.md", text.encode())
    assert beginning.endswith("\n\n_This is the beginning: all 40,003 characters are in_ `answer.md`.")
    assert 11_000 < size(beginning) <= MAX_CHARS


@pytest.mark.parametrize("line", ["# Title\n", "---\n", "| a | b |\n|---|---|\n| c | d |\n\n", "Title\n===\n\n"])
def test_no_message_becomes_more_blocks_than_slack_takes(line: str) -> None:
    parts = parts_of((line + "text\n") * 60)

    assert len(parts) > 1
    assert all(read(part).risen * 2 + 1 <= 50 for part in parts)


def test_no_message_holds_more_in_tables_than_slack_takes() -> None:
    table = "| a | b |\n|---|---|\n" + f"| {'x' * 60} | y |\n" * 40
    parts = parts_of(f"{table}\n\n" * 6)

    assert len(parts) == 3
    assert all(sum(map(len, re.findall(r"(?m)^\|.*$", part))) <= 10_000 for part in parts)


def test_fences_stay_whole_in_parts() -> None:
    text = "Intro\n\n```py\n" + "x = 1\n" * 3_000 + "```\nOutro"

    parts = parts_of(text)

    assert [part.count("```") for part in parts] == [2, 2]
    assert "".join(parts).count("x = 1") == 3_000


def test_nothing_said_is_a_message_all_the_same() -> None:
    assert answer_of(" \n") == (["…"], None)
    assert notice_parts("") == ["…"]
    assert private_answer("\n" * 20_000)[0].startswith("…\n\n_This is the beginning")


def test_length_is_counted_in_the_larger_way() -> None:
    assert [size(part) <= MAX_CHARS for part in parts_of("👩" * 9_000)] == [True] * 3


def test_a_limit_too_small_for_anything_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 200"):
        parts_of("x", 199)


def test_a_short_private_answer_is_a_message() -> None:
    assert private_answer("**allow** `x`") == ("**allow** `x`", None)
    assert private_answer("```diff\n+ a\n```") == ("```diff\n+ a\n```", None)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("**slack:T1/U5**: user", "**<@U5>** (`slack:T1/U5`): user"),
        ("**group slack:T1/S5**", "**<!subteam^S5>** (`group:slack:T1/S5`)"),
        ("- group slack:T1/S5 has it", "- <!subteam^S5> has it"),
        ("somebody of group:slack:T1/S5.", "somebody of <!subteam^S5>."),
        ("channel slack:T1/C5 is asked", "<#C5> is asked"),
        ("by ann in slack:T1/C5/17.25: approved.", "by ann in a thread of <#C5>: approved."),
        ("`slack:T1/U5` and slack:T1/U6", "`slack:T1/U5` and <@U6>"),
        ("```\nslack:T1/U5\n```", "```\nslack:T1/U5\n```"),
        (
            "slack:T2/U5, xslack:T1/U5, slack:T1/U5x, slack:T1/X5",
            "slack:T2/U5, xslack:T1/U5, slack:T1/U5x, slack:T1/X5",
        ),
    ],
)
def test_who_is_of_this_workspace_is_a_mention_outside_of_code(said: str, shown: str) -> None:
    assert mentioned(said, "T1") == shown


def test_a_long_private_answer_is_a_file() -> None:
    shown, file = private_answer("line\n" * 4_000)

    assert shown.startswith("line\nline\n")
    assert file == ("answer.md", b"line\n" * 4_000)


@pytest.mark.parametrize("language", ["toml", "json", "csv"])
def test_what_is_a_file_comes_as_one(language: str) -> None:
    shown, file = private_answer(f"```{language}\na = '```'\nb\n```")

    assert shown == f"Here it is as a file: `nod.{language}`, 2 lines."
    assert file == (f"nod.{language}", b"a = '```'\nb\n")


def test_a_notice_calls_nobody() -> None:
    parts = notice_parts("<@U7> @here *now* " + "word " * 5_000)

    assert [read(part).alive for part in parts] == [[], [], []]
    assert all(size(part) <= MAX_CHARS for part in parts)
    assert parts[0].startswith("&lt;@U7>")


@settings(max_examples=30, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=40).map(" ".join), st.integers(200, 400))
def test_no_part_of_an_answer_is_alive_empty_or_too_long(text: str, limit: int) -> None:
    for part in parts_of(text, limit):
        assert read(part).alive == []
        assert 0 < size(part) <= limit
        assert html.unescape(part).strip()
