"""The audit as a file: the same columns everywhere, nothing in it that a spreadsheet would run."""

from __future__ import annotations

import csv
import io

from adapters.discord.markup import private_answer
from adapters.web.render import private_html
from bot.admin.sheets import sheet
from bot.storage.audit import AuditRows
from tests.service.kit import Bench


def test_a_sheet_has_a_header_and_a_line_for_each_row() -> None:
    rows = [{"at": "now", "ms": 5, "tool": 'say "hi", twice'}, {"at": "then", "ms": None, "tool": "two\nlines"}]

    assert sheet(rows) == 'at,ms,tool\r\nnow,5,"say ""hi"", twice"\r\nthen,,"two\nlines"\r\n'
    assert sheet(rows, is_lines=True) == 'at,ms,tool\nnow,5,"say ""hi"", twice"\nthen,,two\\nlines\n'
    assert sheet([]) == ""


def test_no_cell_is_a_formula() -> None:
    texts = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "a=1", ""]

    cells = [row["text"] for row in csv.DictReader(io.StringIO(sheet([{"text": text} for text in texts])))]

    assert cells == ["'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\t=1", "'\r=1", "a=1", ""]


def rows_of(answer: str) -> list[dict[str, str]]:
    assert answer.startswith("```csv\n")
    assert answer.endswith("\n```")
    return list(csv.DictReader(io.StringIO(answer.removeprefix("```csv\n").removesuffix("```"))))


async def test_the_audit_comes_as_a_sheet_with_its_filters(nod: Bench) -> None:
    await nod.admin("deny @bob deploy")
    await nod.admin("ask @alice deploy")
    await nod.admin("usage")

    rows = rows_of(await nod.admin("audit event=policy.changed as=csv"))
    newest = rows_of(await nod.admin("audit event=policy.changed limit=1 as=csv"))

    assert [row["rule"] for row in rows] == ["deny web:bob deploy", "ask web:alice deploy"]
    assert newest == rows[1:]
    public = await AuditRows(nod.app.database).read(limit=1)
    assert list(rows[0]) == list(public[0])


async def test_nothing_that_was_found_is_no_sheet(nod: Bench) -> None:
    assert await nod.admin("audit tool=deploy as=csv") == "Nothing like this is in the audit."


async def test_another_form_is_not_known(nod: Bench) -> None:
    assert await nod.admin("audit as=xls") == "Write as=csv, or leave it out."


async def test_a_sheet_has_more_rows_than_a_list_and_not_all(nod: Bench) -> None:
    empty = "run, call, place, model, tool, arguments, verdict, rule, approver, decision, outcome, reason"
    row = "'model.chosen', 'web:alice', 'web:', 1" + ", ''" * 12
    names = f"event, requester, scope, at_ms, {empty}"
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10100)"
    await nod.tamper(f"{numbers} INSERT INTO audit ({names}) SELECT {row} FROM n")

    assert len(rows_of(await nod.admin("audit as=csv"))) == 10_000
    assert len(rows_of(await nod.admin("audit as=csv limit=1e9"))) == 10_000
    assert len((await nod.admin("audit limit=1e9")).splitlines()) == 200


async def test_what_is_too_much_for_a_file_says_how_to_narrow_it(nod: Bench) -> None:
    await nod.admin("deny @bob deploy")
    await nod.tamper("UPDATE audit SET arguments = hex(zeroblob(2100000))")

    assert await nod.admin("audit as=csv") == (
        "That is too much for one file: narrow it with since=, limit= or the other filters. "
        "`nod audit --csv` gives all of it to the operator."
    )


async def test_a_sheet_is_a_file_in_a_chat_and_text_on_the_page(nod: Bench) -> None:
    await nod.admin("deny @bob deploy")
    await nod.tamper("UPDATE audit SET reason = 'one' || char(10) || '```' || char(10) || '=two'")
    answer = await nod.admin("audit as=csv")

    content, file = private_answer(answer)
    page = private_html("audit as=csv", answer, 1, is_admin=True)

    assert content == "Here it is as a file: `nod.csv`, 2 lines."
    assert file is not None
    assert file[0] == "nod.csv"
    assert file[1].decode() == answer.removeprefix("```csv\n").removesuffix("```")
    assert rows_of(answer)[0]["reason"] == "one\\n```\\n=two"
    assert "deny web:bob deploy" in page
