"""The whole pages: the conversation, the sign-in, and the one that brings a followed link home.

Plain HTML with nothing inline: the style and the script are two files of our own.
"""

from __future__ import annotations

import html
from dataclasses import dataclass

from adapters.web.snippets import tone
from bot.chat import CAPS, MAX_ATTACHMENT_BYTES, MAX_ATTACHMENTS

_TOP = """<header class="top">
      <button type="button" class="icon-button only-narrow" id="open-side" aria-label="Threads and what waits for you"
        aria-controls="side" aria-expanded="false"><span class="bars" aria-hidden="true"></span><span class="badge"
        id="menu-count" hidden></span></button>
      <h1 id="thread-title">New thread</h1>
      <p class="connection" id="connection" role="status" hidden></p>
    </header>"""

_ATTACH = f"""<input type="file" id="files" multiple hidden data-most="{MAX_ATTACHMENTS}"
          data-bytes="{MAX_ATTACHMENT_BYTES}" data-caps="{html.escape(CAPS)}">
        <button type="button" class="icon-button attach" id="attach" aria-label="Attach images or text files"
          title="{html.escape(CAPS)}"><svg width="20" height="20" viewBox="0 0 20 20" fill="none" stroke="currentColor"
          stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path
          d="m17 9.5-6.6 6.6a4.2 4.2 0 0 1-6-6L11 3.5a2.8 2.8 0 0 1 4 4l-6.6 6.6a1.4 1.4 0 0 1-2-2l6-6"/></svg>
        </button>"""


_EDIT = """<dialog class="edit" id="edit" aria-labelledby="edit-title">
  <form id="edit-form">
    <h2 id="edit-title">Edit the arguments of <code id="edit-tool"></code></h2>
    <label class="quiet" for="edit-text">One JSON object. What you save here is what runs: at once where your word is
      enough, else when the others approve it too.</label>
    <textarea id="edit-text" rows="14" dir="ltr" spellcheck="false" autocapitalize="off" autocomplete="off"
      aria-describedby="edit-error"></textarea>
    <p class="error" id="edit-error" role="alert"></p>
    <div class="edit-buttons">
      <button type="button" class="button" id="edit-cancel">Cancel</button>
      <button type="submit" class="button button-send" id="edit-save">Save</button>
    </div>
  </form>
</dialog>"""


@dataclass(frozen=True, slots=True)
class Look:
    """What the operator chose for the page. `version` changes with the files it loads."""

    title: str = "Nod"
    notice: str = ""
    suggestions: tuple[str, ...] = ()
    version: str = ""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who reads the page. `choices` are the people of the demo, with their roles; empty elsewhere."""

    name: str
    role: str
    csrf: str
    can_leave: bool = False
    choices: tuple[tuple[str, str], ...] = ()


def chat_page(look: Look, viewer: Viewer, *, thread: str, is_new: bool) -> str:
    """The conversation page. `thread` is the one to show; a new one has no address until something was said."""
    body = f"""
<a class="skip" href="#text">Skip to the message box</a>
<div class="app">
  {_side(look, viewer)}
  <main class="main">
    {_TOP}
    {_notice(look)}
    <div class="scroll" id="scroll" tabindex="-1">
      {_empty_state(look, viewer)}
      <div class="log" id="log" role="log" aria-live="off" aria-label="Conversation"></div>
    </div>
    <button type="button" class="jump" id="jump" hidden>Something new <span aria-hidden="true">↓</span></button>
    {_composer(look)}
  </main>
</div>
{_EDIT}
<div class="hidden" id="announcer" aria-live="polite"></div>
<noscript><p class="noscript">This page needs JavaScript: it shows answers while they are written.</p></noscript>"""
    facts = {"thread": thread, "new": "yes" if is_new else "no", "person": viewer.name, "title": look.title}
    return _document(look, body, viewer.csrf, facts, scripts=("nod.js", "attach.js", "decide.js", "complete.js"))


def login_page(look: Look, csrf: str) -> str:
    """Ask for a personal token."""
    body = f"""
<main class="login">
  <form class="login-box" id="login">
    <p class="brand"><span class="logo" aria-hidden="true"></span>{html.escape(look.title)}</p>
    <h1>Sign in</h1>
    <p class="quiet">Your token says who you are, so that what you ask for and approve is yours. The operator hands it
    out.</p>
    <label for="token">Token</label>
    <input id="token" type="password" name="token" autocomplete="current-password" required autofocus>
    <p class="error" id="login-error" role="alert"></p>
    <button type="submit" class="button button-send button-wide" id="login-send">Sign in</button>
  </form>
</main>
<noscript><p class="noscript">This page needs JavaScript.</p></noscript>"""
    return _document(look, body, csrf, {}, scripts=("login.js",))


def bounce_page(look: Look) -> str:
    """Load once more, from ourselves: a browser keeps a strict cookie back when another site's link opens the page."""
    icon = f'<link rel="icon" href="/static/nod.svg?v={html.escape(look.version)}">'
    named = f"<title>{html.escape(look.title)}</title>{icon}"
    head = f'<meta charset="utf-8"><meta http-equiv="refresh" content="0">{named}'
    return f'<!doctype html><html lang="en"><head>{head}</head></html>'


def _document(look: Look, body: str, csrf: str, facts: dict[str, str], *, scripts: tuple[str, ...]) -> str:
    attributes = "".join(f' data-{name}="{html.escape(value)}"' for name, value in facts.items())
    version = html.escape(look.version)
    loaded = "\n".join(f'<script src="/static/{script}?v={version}" defer></script>' for script in scripts)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="csrf" content="{html.escape(csrf)}">
<title>{html.escape(look.title)}</title>
<link rel="icon" href="/static/nod.svg?v={version}" type="image/svg+xml">
<link rel="stylesheet" href="/static/nod.css?v={version}">
{loaded}
</head>
<body data-version="{version}"{attributes}>{body}
</body>
</html>
"""


def _side(look: Look, viewer: Viewer) -> str:
    """What waits, the threads, and who one is."""
    return f"""<aside class="side" id="side" aria-label="Conversations">
    <div class="side-top">
      <a class="brand" href="/"><span class="logo" aria-hidden="true"></span>{html.escape(look.title)}</a>
      <button type="button" class="icon-button only-narrow" id="close-side" aria-label="Close the list">×</button>
    </div>
    <button type="button" class="button button-wide" id="new-thread">New thread</button>
    <section class="pending" aria-labelledby="pending-title" id="pending-section" hidden>
      <h2 id="pending-title">Waiting for you <span class="badge" id="pending-count"></span></h2>
      <ul id="pending"></ul>
    </section>
    <nav class="threads" aria-labelledby="threads-title">
      <h2 id="threads-title">Threads in #general</h2>
      <ul id="threads"></ul>
      <p class="quiet" id="no-threads" hidden>None yet. What you write starts the first one.</p>
    </nav>
    {_who(viewer)}
  </aside>"""


def _composer(look: Look) -> str:
    return f"""<form class="composer" id="composer" autocomplete="off">
      <p class="error" id="composer-error" role="alert"></p>
      <ul class="chips" id="attached" aria-label="Attached" hidden></ul>
      <div class="composer-box">
        <ul class="completions" id="completions" role="listbox" aria-label="Ways to go on" hidden></ul>
        {_ATTACH}
        <label class="hidden" for="text">Message to {html.escape(look.title)}</label>
        <textarea id="text" name="text" rows="1" placeholder="Ask for something…" aria-describedby="hint"></textarea>
        <button type="button" class="button button-stop" id="stop" hidden>Stop</button>
        <button type="submit" class="button button-send" id="send">Send</button>
      </div>
      <p class="quiet hint" id="hint">Enter sends, Shift + Enter starts a new line. <code>/nod help</code> lists
      commands.</p>
    </form>"""


def _notice(look: Look) -> str:
    return f'<p class="banner" role="note">{html.escape(look.notice)}</p>' if look.notice else ""


def _empty_state(look: Look, viewer: Viewer) -> str:
    tries = "".join(
        f'<li><button type="button" class="suggestion">{html.escape(suggestion)}</button></li>'
        for suggestion in look.suggestions
    )
    suggestions = (
        f'<h3 id="try-title">Try one of these</h3><ul class="suggestions" aria-labelledby="try-title">{tries}</ul>'
    )
    picker = '<p class="quiet">This is a demo: pick who you are at the bottom left, and see it from both sides.</p>'
    return f"""<section class="empty" id="empty" hidden>
        <span class="logo logo-large" aria-hidden="true"></span>
        <h2>{html.escape(look.title)} does things, and asks for a nod first.</h2>
        <p>Write what you need. It answers, and runs tools on the way. When a tool would change something, it stops and
        shows a card with the exact call: nothing runs until somebody who may decide presses Approve.
        <code>/nod help</code> lists the commands.</p>
        {suggestions if tries else ""}
        {picker if viewer.choices else ""}
      </section>"""


def _who(viewer: Viewer) -> str:
    name = html.escape(viewer.name)
    initial = html.escape(viewer.name[:1].upper())
    avatar = f'<span class="avatar tone-{tone(viewer.name)}" aria-hidden="true">{initial}</span>'
    if viewer.choices:
        options = "".join(
            f'<option value="{html.escape(choice)}"{" selected" if choice == viewer.name else ""}>'
            f"{html.escape(choice)} ({html.escape(role)})</option>"
            for choice, role in viewer.choices
        )
        return (
            f'<div class="who">{avatar}<div><label for="person">You are</label>'
            f'<select id="person">{options}</select></div><p class="error" id="person-error" role="alert"></p></div>'
        )
    leave = '<button type="button" class="link-button" id="logout">Sign out</button>' if viewer.can_leave else ""
    role = f'<span class="quiet">{html.escape(viewer.role)}</span>'
    return f'<div class="who">{avatar}<div><b id="me">{name}</b><br>{role}</div>{leave}</div>'
