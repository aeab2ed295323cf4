"""What the engine itself says, to the model and to people. Pure text from plain data."""

from __future__ import annotations

import json

from bot.engine.types import CallState, Decision, ImagePart, Part, Reply, Run, ToolCall, Verdict

AWAITING = "[awaiting confirmation]"
ASK_FALLBACK = "This action requires your explicit confirmation before it can proceed."
NOTHING = "The model returned nothing. Please try again, or say it in other words."
DENIED = "Action denied by user."
INTERRUPTED = (
    "Outcome unknown: this was interrupted after it had started, so it may or may not have taken effect. "
    "Do not repeat it; tell the user to check."
)
EXPIRED = "Approval expired: nobody decided in time, so this was not run. This is neither consent nor denial."
RESTORED = (
    "Outcome unknown: the bot was restored from a backup, and this may have run after the backup was made. "
    "Do not repeat it; tell the user to check."
)
RESTORED_RUN = (
    "I was restored from a backup that was made while I worked on this, so I may have answered it already. "
    "Ask again if it is still needed."
)
UNFINISHED = "This is not finished: the bot stopped or was held up in the middle of it, and goes on when it can."
UNANSWERED = "This has no answer of its own: the message it was to answer is gone."
TAKEN_UP = "I took this up in what I was working on already, and answer it there."
HEARD = "More was said while I worked; I go on with that in mind."
"""Stands before it: hosts of Mistral's models refuse a person's words right after a result (400, code 3230)."""
PARKED = (
    "I stopped working on this: three starts in a row, the bot ended unexpectedly while it was at it. "
    "The operator finds more in the log; ask again once it is mended."
)
WITHDRAWN = "Not run: the tool changed while this waited for approval."
APPROVER_CHANGED = "Not run: somebody else has to approve this now than did, so it needs a new request."
DEFINITION_CHANGED = "Not run: the tool changed after this was approved, so it needs a new request."
UNSEEN = "an image, which you cannot see: say so if it matters"
TOO_LONG = "The conversation is too long for the model, even shortened. Start a new thread, or ask for less at a time."
TOOLS_NOTE = (
    "You can call tools. Use one when it is needed to answer or to do what was asked; "
    "otherwise answer directly. Never claim that a tool ran when it did not."
)
LIMIT_CHARS = 500


def limit_reached(run: Run) -> str:
    return f"Reached the tool iteration limit ({run.max_rounds} rounds). Here is what was gathered:\n{gathered(run)}"


def gathered(run: Run) -> str:
    """The results so far, a line each, cut at 500 characters."""
    done = [call for call in run.calls if call.result is not None]
    return "\n".join(f"**{call.name}**: {call.result.text[:LIMIT_CHARS]}" for call in done if call.result)


def with_gathered(text: str, run: Run) -> str:
    """A failure's sentence, and the results that would otherwise be lost."""
    results = gathered(run)
    return f"{text}\n\nHere is what was gathered:\n{results}" if results else text


def denied(decision: Decision) -> str:
    who = f" Denied by {decision.by}." if decision.by else ""
    why = f" Reason: {decision.reason}" if decision.reason else ""
    return f"{DENIED}{who}{why}"


def already_denied(call: ToolCall) -> str:
    by = f" by {call.decided_by}" if call.decided_by else ""
    return f"{DENIED} The same call was already denied{by}; do not ask for it again."


def cancelled(by: str) -> str:
    return f"Cancelled by {by}: this was not run." if by else "Cancelled: this was not run."


def cut_short(by: str) -> str:
    who = f" by {by}" if by else ""
    return f"Stopped{who} before it had ended: it only reads, so nothing was changed."


def refused_by_policy(verdict: Verdict) -> str:
    return f"Not run: it was approved, but the policy no longer permits it ({verdict.rule})."


def damaged(why: str) -> str:
    return f"I cannot go on with this: {why} Nothing of it will be run."


def withdrawn_by_policy(verdict: Verdict) -> str:
    return f"Not run: while it waited for approval, the policy stopped permitting it ({verdict.rule})."


def too_many(limit: int) -> str:
    return f"Not run: too many calls in one reply (at most {limit}). Call fewer at a time."


def identical(limit: int) -> str:
    return f"Not run: this exact call was already made {limit} times. Use the results you have, or answer."


def keeps_failing(run: Run) -> str:
    faulty = [call for call in run.batch if call.state is CallState.FAILED and call.result]
    last = f" The last problem: {faulty[-1].result.text[:300]}" if faulty and faulty[-1].result else ""
    return f"I stopped because the model kept making tool calls that cannot run.{last}"


def not_run(reply: Reply) -> str:
    """Why the calls of this reply were not run, in a sentence for the people."""
    names = ", ".join(dict.fromkeys(call.name for call in reply.calls))
    return f"{_ending(reply)}, so its tool calls ({names}) were not run. Please try again."


def with_ending(reply: Reply) -> str:
    """The text of a reply without calls; where it did not end properly, that is said."""
    text = reply.text.strip()
    is_proper = not reply.is_cut and reply.finish not in ("length", "content_filter", "error")
    if is_proper:
        return text
    return f"{text}\n\n_({_ending(reply)}.)_" if text else f"{_ending(reply)} before it had said anything."


def _ending(reply: Reply) -> str:
    match reply.finish:
        case "length":
            return "The model's reply was cut off at its output limit"
        case "content_filter":
            return "The model's provider stopped the reply with its content filter"
        case "error":
            return "The model's provider broke the reply off with an error"
        case "timeout":
            return "The model did not finish its reply in time"
        case "silence":
            return "The model stopped in the middle of its reply"
        case None:
            return "The connection to the model broke off in the middle of its reply"
        case other:
            return f"The model ended its reply in a way Nod does not know ({other[:40]!r})"


def stopped(run: Run, by: str) -> str:
    return with_gathered(f"Stopped by {by}." if by else "Stopped.", run)


def with_edit(call: ToolCall, text: str) -> str:
    """A result begins with what was really run, when that is not what the model asked for."""
    if call.edited is None:
        return text
    who = call.edited_by or call.decided_by or "the approver"
    return f"The arguments were edited by {who}; really run: {call.edited}\n{text}"


def question(run: Run) -> str:
    """The asking text of the template: every waiting call with its arguments, private ones without."""
    calls = run.waiting
    lines = [f"- **{call.name}** {_asked_for(call)}" for call in calls]
    what = "This action needs" if len(calls) == 1 else f"These {len(calls)} actions need"
    return "\n".join([f"{what} confirmation before anything happens:", *lines])


def _asked_for(call: ToolCall) -> str:
    return "(its arguments are private)" if call.is_private else f"`{call.to_run or '{}'}`"


def unknown_report(run: Run, call: ToolCall) -> str:
    """The report on a call whose outcome nobody knows, with its arguments, for the requester and the approver."""
    people = ", ".join(dict.fromkeys(name for name in (run.requester.label, call.decided_by) if name))
    is_restored = call.result is not None and call.result.text == RESTORED
    was_restored = "the bot was restored from a backup that was made before it ended"
    why = was_restored if is_restored else "it was interrupted after it had started"
    is_private = "Its arguments are private: the audit has them."
    shown = is_private if call.is_private else f"Its arguments:\n{pretty(call.to_run)}"
    return (
        f"{people}: it is not known whether {call.name} took effect: {why}. "
        f"It will not be repeated. Please check. {shown}"
    )


def expired_notice(run: Run, call: ToolCall) -> str:
    return (
        f"{run.requester.label}: nobody decided about {call.name} in time, so it was not run. "
        "That is neither a yes nor a no: ask again if it is still needed."
    )


def pretty(arguments: str) -> str:
    """The arguments in full, indented; as they are where they are not JSON."""
    try:
        return json.dumps(json.loads(arguments or "{}"), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return arguments


def arguments_shown(call: ToolCall) -> object:
    """The arguments as data, or as the raw text where they are not JSON."""
    try:
        return json.loads(call.to_run or "{}")
    except (ValueError, RecursionError):
        return call.to_run


def plain(parts: tuple[Part, ...]) -> str:
    """The text of a content of parts."""
    return "\n".join("[image]" if isinstance(part, ImagePart) else part.text for part in parts)


def response(run: Run) -> str:
    """What the person who asked reads now: the answer, or the question about what still waits."""
    if run.answer is not None:
        return run.answer
    if run.is_over:
        return TAKEN_UP if run.status == "done" else UNANSWERED
    if not run.waiting:
        return UNFINISHED
    is_partly_decided = any(call.decision for call in run.batch)
    return question(run) if is_partly_decided or not run.ask_text else run.ask_text


def listed(run: Run) -> list[dict[str, object]]:
    """The calls of a run as its result lists them: `{tool, args, result}`."""
    return [
        {
            "tool": call.name,
            "args": arguments_shown(call),
            "result": AWAITING if call.result is None else call.result.text,
        }
        for call in run.calls
    ]
