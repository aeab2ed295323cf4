"""The policy at the command line: `admin`, `explain`, and an edit of what waits."""

from __future__ import annotations

import pytest

from tests.cli.kit import Nod, ask_and_wait


async def test_admin_does_what_admins_write_and_the_bot_heeds_it(nod: Nod) -> None:
    assert (await nod("admin", "allow", "alice", "notes_clear", "for", "2h")).out.startswith(
        "web:alice may run notes_clear without being asked for 2h (until "
    )
    assert (await nod("ask", "Clear all notes", "--as", "alice")).code == 0
    assert (await nod("ask", "Clear all notes", "--as", "bob")).code == 3


@pytest.mark.usefixtures("running")
async def test_admin_reaches_the_running_bot(nod: Nod) -> None:
    assert (await nod("admin", "deny", "alice", "notes_clear")).code == 0
    refused = await nod("ask", "Clear all notes", "--as", "alice", "--json")

    assert (refused.code, refused.data["approvals"]) == (0, [])
    assert "There is no tool named" in refused.data["response"]


async def test_a_tightened_policy_ends_what_waits(nod: Nod) -> None:
    approval = await ask_and_wait(nod)

    await nod("admin", "deny", "alice", "notes_clear")
    late = await nod("approvals", "approve", approval, "--json")

    assert late.code == 1
    assert "cancelled" in late.data["message"]


async def test_explain_says_why_in_words_and_as_data(nod: Nod) -> None:
    await nod("admin", "approver", "notes_clear", "2", "of", "finance", "not_requester")

    said = await nod("explain", "bob", "notes_clear")
    data = (await nod("explain", "bob", "notes_clear", "--json", "--in", "general")).data

    assert "has to be approved" in said.out
    assert (data["who"], data["tool"], data["verdict"]) == ("web:bob", "notes_clear", "ask")
    assert data["approver"] == "2 of finance not_requester"
    assert {"words": "allow web:bob notes_clear", "outcome": "run"} in data["would_change"]
    unknown = await nod("explain", "bob", "notes_cler")
    assert (unknown.code, "did you mean notes_clear" in unknown.err) == (1, True)


async def test_the_policy_goes_through_a_file(nod: Nod) -> None:
    await nod("admin", "deny", "bob", "notes_add")
    exported = await nod("admin", "policy", "export")
    (nod.folder / "policy.toml").write_text(exported.out.replace('who = "web:bob"', 'who = "web:alice"'))

    shown = await nod("admin", "policy", "diff", "policy.toml")
    done = await nod("admin", "policy", "import", "policy.toml")
    missing = await nod("admin", "policy", "import", "nowhere.toml")

    assert shown.out.splitlines() == ["+ deny web:alice notes_add", "- deny web:bob notes_add"]
    assert done.out.startswith("Imported.")
    assert (missing.code, missing.err.splitlines()[-1]) == (1, "nowhere.toml cannot be read (FileNotFoundError).")
    assert "deny notes_add" in (await nod("admin", "show", "alice")).out


async def test_an_edit_runs_other_arguments_and_the_model_is_told(nod: Nod) -> None:
    await nod("admin", "ask", "alice", "notes_add")
    waiting = await nod("ask", "Note buy milk", "--as", "alice", "--json")
    approval = waiting.data["approvals"][0]["id"]

    odd = await nod("approvals", "edit", approval, "--arguments", '{"txt": 1}', "--json")
    edited = await nod("approvals", "edit", approval, "--arguments", '{"text": "buy bread"}', "--json")

    assert odd.code == 1
    assert "These arguments cannot be run" in odd.data["message"]
    assert (edited.code, edited.data["message"]) == (0, "Edited and approved.")
    assert "edited by operator" in edited.data["response"]
    assert "buy bread" in (await nod("ask", "Count", "--as", "alice")).out


async def test_what_is_approved_for_longer_is_not_asked_again(nod: Nod) -> None:
    approval = await ask_and_wait(nod)
    assert (await nod("approvals", "approve", approval, "--for", "1d")).code == 0

    assert (await nod("ask", "Clear all notes", "--as", "alice")).code == 0
    listed = (await nod("admin", "grants")).out
    assert "web:alice may run **notes_clear** until " in listed
    assert "with exactly these arguments: `{}` (given by cli:operator, " in listed
    assert (await nod("admin", "revoke", listed.split("`")[1])).out == "Taken back: notes_clear is asked about again.\n"
    assert (await nod("ask", "Clear all notes", "--as", "alice")).code == 3


async def test_what_admin_cannot_do_fails_and_changes_nothing(nod: Nod) -> None:
    odd = await nod("admin", "deny", "bob", "notes_ad")
    empty = await nod("admin", "policy", "import", "/dev/null")

    assert (odd.code, odd.out) == (1, "")
    assert "did you mean notes_add" in odd.err
    assert (empty.code, "There is no file" in empty.err) == (1, True)


async def test_an_empty_name_is_not_the_operator(nod: Nod) -> None:
    refused = await nod("ask", "hello", "--as", "")

    assert refused.code == 2
    assert "name somebody" in refused.err
