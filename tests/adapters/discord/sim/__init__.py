"""Nod on simcord, a simulated Discord by others: every feature once more, against a second reading of Discord.

simcord takes the place of discord.py's transport, in this process; people act, and see what they could see in Discord's
own client. What it cannot show is covered by the tests on our wire stand-in (`tests/adapters/discord/wire`):

- sockets: login, heartbeats, dropped and resumed connections, invalid sessions, lost answers, 429 with its headers;
- events that come twice or out of order; two processes at once;
- nonces: it takes and forgets them, so what is sent twice stands there twice;
- late clicks and forged ids: people can press what a message shows now, and nothing else;
- tokens of interactions that expire: its clock moves when a test moves it, so nothing is ever late;
- the role Discord makes for a bot, and mentions of it; somebody's guest invite; a server that is away for a while;
- attachments over HTTP: the kit serves those, as the bot fetches them itself.

Where it is not Discord: a thread on a message also posts a system message into the channel, and mentions count inside
code and without regard to `allowed_mentions` (so the tests look at what was asked for).
"""
