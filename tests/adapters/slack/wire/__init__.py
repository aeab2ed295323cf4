"""A small but faithful Slack: Web API, Socket Mode, signed requests and files on 127.0.0.1, written to Slack's
documentation.

The real Bolt app and slack_sdk run on it over real sockets, in this process or in another one:

    async with running_slack() as server:                       # or the fixture `slack`
        anna = server.create_user("anna")
        room = server.create_channel("general", members=[anna])  # the bot is in it, unless has_bot=False
        ...                                                      # start the bot: server.api_url, bot_token, app_token
        await server.connected()
        question = server.say(anna, room, f"{server.bot.mention} hello")
        answer = await server.until(lambda: server.said(room, thread=question))
        press = server.press(anna, answer[0], "Approve")
        ack = await press.acked()                                # ack.body, ack.after_s; TimeoutError = it failed
        modal = (await server.until(lambda: server.views_of(anna)))[-1]
        sent = server.submit(anna, modal, {"why": "because"})
        (await sent.acked()).errors
        command = server.slash(anna, room, "/nod", "help")
        await command.responded()                                # what came to its response_url; ephemerals(anna)

What people say (`talking`): `say`, `direct`, `edit`, `unfurl`, `delete`, `react`, `unreact`, `open_home`,
`open_messages`, `look_at`, `stop_session`, `talk_of`. What they do (`acting`): `press` (buttons, overflow, feedback, by
words or action_id), `choose`, `suggest`, `submit`, `close`, `slash`, `shortcut`; `forged=True` for what Slack's clients
do not offer. What owners do (`building`, `owning`, `installing`): `create_team|user|channel|group|file`, `install`,
`approve|deny` (OAuth), `join`, `leave`, `invite_bot`, `kick_bot`, `archive`, `unarchive`, `rename`, `delete_channel`,
`deactivate`, `make_guest`, `set_group`, `enable_group`, `uninstall`, `revoke`.
None of them waits; each gives what it made, as the live object of the `world`: a `Message` changes when it is edited
(`text`, `shown`, `blocks`, `labels`, `buttons`, `menus`, `metadata`, `versions`, `stream`), so does a `View`; an
`Interaction` has `acked()`, `responses`, `responded()`, `refused` and `expire()`.

What is seen: `said(channel, thread=)`, `ephemerals(user)`, `views_of(user)`, `home_of(user)`,
`session(channel, thread)` (status, title, note, prompts), `pings(message)`, `unfurled(message)`, `calls(method)`
(`Call`: method, args, token, at, status, answer, ok, error), `events` (`Sent`: body, attempts, is_acked,
acked_after_s), `interactions`, `errors` (unknown methods, broken methods), `await until(claim)`.

How it is delivered: over Socket Mode; after `hooks = deliver_to(url)` by signed requests (`await hooks.verify_url()`;
`hooks.signed(body, at=)` makes headers for requests of your own). Events that are not acknowledged within
`rules.ack_within_s` are sent again after `rules.retry_delays_s`, interactions are not. `delivery.hold()` and
`release(order)`, `delivery.again(sent)`; `delivery.tell(event, channel=, event_id=...)` sends anything at all.

What goes wrong: `faults.fail(method, status_or_error)`, `limit(method, retry_after=)`, `lose`, `cut`, `hang`,
`slow(method, seconds)`, each with `times=` and `where=`; methods beside the Web API are `response_url`, `upload` and
`download`; `faults.limited` are the calls that got a 429. `limits.enforce()` holds the bot to Slack's rates.
`socket.drop|deafen|close|disconnect(reason)`, `socket.is_losing_acks`, `socket.connected|every|opened|acks`, and
`send_text` of each for what is no frame; `expire(message)` ends a stream; `await down()` and `await up()` on the same
port. `bot.scopes` and `bot.refusal` (any error for every call), `app.events` (subscriptions), `app.is_agent`,
`app.has_socket_mode`, `team.has_user_groups`, `File.answers|redirect_to|served_as|size|access`, `User.accepts_dms`;
`world.rules` (windows, limits, lives of triggers, streams and addresses).

Not there: user tokens, Enterprise organisations (only an installation that says it is one), workflows, canvases,
lists, calls, scheduled messages, unfurls by the app, pins, search, and Slack's rewriting of Markdown: what was posted
is what is read. A stream has to be in a thread. Methods beyond it land in `errors`.
"""

from tests.adapters.slack.wire.delivery import Attempt, Sent
from tests.adapters.slack.wire.faults import Call, Fault
from tests.adapters.slack.wire.hooks import Hooks
from tests.adapters.slack.wire.interactions import Ack, Interaction
from tests.adapters.slack.wire.limits import Limit
from tests.adapters.slack.wire.messages import File, Message, Stream, View
from tests.adapters.slack.wire.server import APP_TOKEN, SIGNING_SECRET, SlackServer, running_slack
from tests.adapters.slack.wire.world import App, Channel, Install, Session, Team, User, UserGroup

__all__ = [
    "APP_TOKEN",
    "SIGNING_SECRET",
    "Ack",
    "App",
    "Attempt",
    "Call",
    "Channel",
    "Fault",
    "File",
    "Hooks",
    "Install",
    "Interaction",
    "Limit",
    "Message",
    "Sent",
    "Session",
    "SlackServer",
    "Stream",
    "Team",
    "User",
    "UserGroup",
    "View",
    "running_slack",
]
