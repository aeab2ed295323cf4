"""A small but faithful Discord: REST API v10, gateway and files on 127.0.0.1, written to Discord's documentation.

The real discord.py runs on it over real sockets, in this process or in another one:

    async with running_discord() as server:
        anna = server.create_user("anna")
        guild = server.create_guild("team", members=[anna])
        room = server.create_channel(guild, "general")
        with pointed_at(server):                      # a client of this process; another gets api_url and gateway_url
            ...                                       # client.start(server.token)
            await server.connected()
            server.say(anna, room, f"{server.bot.mention} hello")
            answer = await server.until(lambda: server.said(room.id))
            click = server.press(anna, answer[0], "Approve")
            first = await click.answered()            # first.kind, first.data, first.after_s, first.message

What people do (`talking`): `say`, `edit`, `unfurl`, `delete`, `press`, `choose`, `submit`, `slash`, `complete`.
What owners of servers do (`building`): `create_user|guild|role|channel|thread`, `join_guild`, `leave_guild`,
`invite_bot`, `kick_bot`, `outage`, `give_role`, `take_role`, `set_role`, `delete_role`, `set_permissions`, `everyone`,
`delete_channel`, `archive`, `unarchive`, `join_thread`, `leave_thread`, `dm`, `webhook_says`.
None of them waits; each gives what it made, as the live object of the `world`: a `Message` changes when it is edited
(`text`, `buttons`, `labels`, `menus`, `versions`); an `Interaction` has `answered()`, `said()`, `followed_up()` and
`expire()`.

What is seen: `requests` (`Asked`: method, path, route, json, files, at, status, code), `asked(route)`, `errors`
(unknown routes, broken routes), `said(channel_id)`, `interactions`, `limits.hits` (every 429), `world.command_writes`,
`world.typing`, `gateway.connected|sessions|identifies|resumes|heartbeats|events`, `await until(claim)`.

What goes wrong: `faults.fail|limit|lose|cut|hang|slow(route, ...)` with the routes of `faults`; `limits.enforce()`;
`gateway.drop|deafen|reconnect|invalidate|close|forget_sessions`, `gateway.is_muted|refused_resumes`,
`gateway.hold()` and `release(order)`, `gateway.again(name)`; `await down()` and `await up()` on the same port;
`Attachment.answers`; `world.rules` (windows, limits, lives of tokens); `world.app` (privileged intents, token).

Not there: voice, polls, stickers, pins, invites, forums, reactions by people, apps installed by a person, interactions
over HTTP, compression, and the gateway's own limits of frames and logins. Routes beyond it land in `errors`.
"""

from tests.adapters.discord.wire.faults import Asked, Fault, Limit
from tests.adapters.discord.wire.posting import Upload
from tests.adapters.discord.wire.server import TOKEN, DiscordServer, pointed_at, running_discord
from tests.adapters.discord.wire.world import (
    Answer,
    Attachment,
    Channel,
    Guild,
    Interaction,
    Message,
    Role,
    User,
)

__all__ = [
    "TOKEN",
    "Answer",
    "Asked",
    "Attachment",
    "Channel",
    "DiscordServer",
    "Fault",
    "Guild",
    "Interaction",
    "Limit",
    "Message",
    "Role",
    "Upload",
    "User",
    "pointed_at",
    "running_discord",
]
