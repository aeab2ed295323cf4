"""What holds of every approvers text and every set of votes."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bot.errors import PolicyError
from bot.policy.approvers import Asked, Voter, is_satisfied, joined, may_vote, missing, parse_approvers


def may(text: str, who: Voter, asked: Asked) -> bool:
    return may_vote(parse_approvers(text), who, asked) is None


def enough(text: str, *voters: Voter, asked: Asked) -> bool:
    return is_satisfied(parse_approvers(text), voters, asked)


humans = st.sampled_from(["alice", "bob", "eve", "root"])
voters = st.builds(
    lambda platform, human, roles, groups, is_guest, is_bot: Voter(
        f"{platform}:{human}", f"web:{human}", frozenset(roles), frozenset(groups), is_guest, is_bot
    ),
    st.sampled_from(["web", "irc"]),
    humans,
    st.sets(st.sampled_from(["user", "finance", "ops", "admin"])),
    st.sets(st.just("group:slack:T1/S1")),
    st.booleans(),
    st.sampled_from([False, False, False, True]),
)
asked = st.builds(
    lambda name, editor, age_s: Asked(f"web:{name}", name.title(), f"web:{name}", editor and f"web:{editor}", age_s),
    humans,
    st.one_of(st.just(""), humans),
    st.sampled_from([None, 0.0, 3600.0, 7200.0]),
)
some = st.lists(
    st.sampled_from(["finance", "ops", "admin", "requester", "web:bob", "web:eve", "group:slack:T1/S1"]),
    min_size=1,
    max_size=3,
)


def readable(text: str) -> bool:
    try:
        parse_approvers(text)
    except PolicyError:
        return False
    return True


who = st.one_of(some.map(",".join), st.just("not_requester"))
clause_texts = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "", "2 of ", "3 of "]),
    who,
    st.sampled_from(["", " not_requester"]),
    st.one_of(st.just(""), st.builds(" then {} after {}".format, who, st.sampled_from(["1h", "2h"]))),
).filter(readable)
texts = st.one_of(st.just(""), st.lists(clause_texts, min_size=1, max_size=3).map(" and ".join))


@given(texts)
def test_every_text_is_read_back_from_its_canonical_text(text: str) -> None:
    read = parse_approvers(text)

    assert parse_approvers(str(read)) == read
    assert str(parse_approvers(str(read))) == str(read)


@given(texts, st.lists(voters, max_size=4), asked, st.data())
def test_the_order_of_votes_does_not_matter(text: str, votes: list[Voter], asked: Asked, data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(votes))

    assert enough(text, *votes, asked=asked) == enough(text, *shuffled, asked=asked)


@given(texts, st.lists(voters, max_size=4), voters, asked)
def test_more_votes_never_undo_an_approval(text: str, votes: list[Voter], more: Voter, asked: Asked) -> None:
    if enough(text, *votes, asked=asked):
        assert enough(text, *votes, more, asked=asked)


@given(texts, st.lists(voters, max_size=3), asked)
def test_an_approval_never_gets_lost_by_waiting(text: str, votes: list[Voter], asked: Asked) -> None:
    if enough(text, *votes, asked=asked):
        assert enough(text, *votes, asked=replace(asked, age_s=None))


@given(texts, st.lists(voters, max_size=4), asked)
def test_votes_that_do_not_count_change_nothing(text: str, votes: list[Voter], asked: Asked) -> None:
    counting = [one for one in votes if may(text, one, asked)]

    assert enough(text, *votes, asked=asked) == enough(text, *counting, asked=asked)


@given(texts, voters, asked)
def test_nobody_who_may_not_vote_approves_anything_alone(text: str, one: Voter, asked: Asked) -> None:
    if not may(text, one, asked):
        assert not enough(text, one, asked=asked)


@given(st.integers(2, 3), some, st.lists(voters, max_size=5), asked)
def test_linked_identities_never_count_as_two(count: int, who: list[str], votes: list[Voter], asked: Asked) -> None:
    text = f"{count} of finance,{','.join(who)}"

    if enough(text, *votes, asked=asked):
        assert len({vote.human for vote in votes if not vote.is_bot}) >= count


@given(clause_texts, st.lists(voters, max_size=4), asked)
def test_where_others_are_asked_for_the_authors_never_count(text: str, votes: list[Voter], asked: Asked) -> None:
    authors = {asked.requester_human, asked.editor_human}
    others = [vote for vote in votes if vote.human not in authors]

    if parse_approvers(text).clauses[0].is_for_others:
        assert enough(text, *votes, asked=asked) == enough(text, *others, asked=asked)


@given(texts, st.lists(voters, max_size=4), asked)
def test_something_is_missing_until_it_is_satisfied(text: str, votes: list[Voter], asked: Asked) -> None:
    assert (missing(parse_approvers(text), votes, asked) == "") == enough(text, *votes, asked=asked)


@given(st.lists(texts, max_size=3), st.data())
def test_what_is_joined_has_one_text_in_any_order(parts: list[str], data: st.DataObject) -> None:
    whole = joined(parts)

    assert joined(data.draw(st.permutations(parts))) == whole
    assert joined([*parts, *parts]) == whole
    assert joined([whole]) == whole
    assert str(parse_approvers(whole)) == whole


@given(st.lists(texts, min_size=1, max_size=3), st.lists(voters, max_size=6), asked)
def test_what_is_joined_asks_for_all_its_parts(parts: list[str], votes: list[Voter], asked: Asked) -> None:
    each = [enough(part, *votes, asked=asked) for part in parts]

    assert enough(joined(parts), *votes, asked=asked) == all(each)
