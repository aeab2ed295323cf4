"""Buttons, menus and modals: acknowledge first, then decide, and tell the person alone what became of it.

A button holds a verb and an opaque id, so it works in any process, whenever it is pressed. What was decided is durable
before anybody sees it: the card follows through the outbox, by the bot's own token, so that an interaction that is too
old loses an acknowledgement and nothing else.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any
from weakref import WeakValueDictionary

import discord
import structlog

from adapters.discord.cards import draw_card, edit_modal, offers_view, reason_modal
from adapters.discord.intake import Intake
from adapters.discord.markup import plain
from adapters.discord.private import LOST, tell, tell_view
from adapters.discord.sending import custom_ids
from adapters.ids import TEMPLATE, Pressed, read
from adapters.offers import chosen
from bot.chat import Actor, ChatService, Click, Place
from bot.errors import BotError, Refused

log = structlog.get_logger()

NOT_VALID = "This button is not valid any more; nothing was decided by it."
FAILED = "Something went wrong inside the bot; nothing was decided by this click."
GONE_OFFER = "That is not offered any more; press Always… again."
UNREACHABLE = "Discord did not answer me; nothing was decided by this click. Press it again."
NOBODY = "Discord did not say who you are; try it again."
ACKNOWLEDGED_WITHIN_S = 3.0
"""Discord takes no acknowledgement after that (docs, "Interaction Callback"), however often it is tried."""
Interaction = discord.Interaction[Any]


class Clicks:
    def __init__(self, service: Callable[[], ChatService], intake: Intake) -> None:
        self._service = service
        self._intake = intake
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def press(self, interaction: Interaction) -> None:
        """Do what a button or a menu says. Raises nothing."""
        data: Any = interaction.data or {}
        pressed = read(str(data.get("custom_id", "")))
        if pressed is None:
            log.warning("click.not_valid", custom_id=str(data.get("custom_id", ""))[:100], user=_user_id(interaction))
            await tell(interaction, NOT_VALID)
            return
        values = [str(one) for one in data.get("values", ())]
        await self._guarded(interaction, lambda: self._do(interaction, pressed, values))

    async def submit(self, interaction: Interaction) -> None:
        """Do what a modal that was sent says. Raises nothing."""
        data: Any = interaction.data or {}
        pressed = read(str(data.get("custom_id", "")))
        text = next(iter(_inputs(data.get("components", ()))), "")
        if pressed is None or pressed.verb not in ("denied", "edited"):
            await tell(interaction, NOT_VALID)
            return
        await self._guarded(interaction, lambda: self._submitted(interaction, pressed, text))

    async def _guarded(self, interaction: Interaction, do: Callable[[], Awaitable[None]]) -> None:
        try:
            if not _is_somebody(interaction):
                raise Refused("not_allowed", NOBODY)
            await do()
        except BotError as err:
            await tell(interaction, plain(err.user_message))
        except LOST as err:
            log.info("click.not_answered", kind=type(err).__name__, user=interaction.user.id)
            await tell(interaction, UNREACHABLE)
        except Exception:  # the rim of an event: discord.py would only log it, and the person would see nothing
            log.exception("click.failed", user=interaction.user.id)
            await tell(interaction, FAILED)

    async def _do(self, interaction: Interaction, pressed: Pressed, values: list[str]) -> None:
        match pressed.verb:
            case "approve" | "deny":
                await acknowledge(interaction)
                await self._decide(interaction, pressed.verb, pressed.id)
            case "all" | "none":
                await acknowledge(interaction)
                verb = "approve" if pressed.verb == "all" else "deny"
                await self._decide(interaction, verb, pressed.id, together=pressed.token)
            case "stop":
                await acknowledge(interaction)
                place, actor = await self._intake.where(interaction)
                await tell(interaction, plain(await self._service().stop(place, actor, run_id=pressed.id)))
            case "grant":
                await self._grant(interaction, pressed.id, values)
            case _:
                await self._show_more(interaction, pressed)

    # --- asking for more ---

    async def _show_more(self, interaction: Interaction, pressed: Pressed) -> None:
        """What a button opens has to be the first answer to it."""
        _, actor = await self._who(interaction, pressed.id)
        card = await self._service().card_for(pressed.id, actor)
        match pressed.verb:
            case "reason":
                await interaction.response.send_modal(_unstored(reason_modal(card)))
            case "edit":
                await interaction.response.send_modal(_unstored(edit_modal(card)))
            case "longer":
                await tell_view(interaction, offers_view(card))
            case "look":
                drawn = draw_card(card, is_copy=False, in_full=True)
                await tell_view(interaction, drawn.view, drawn.files)
            case _:
                await tell(interaction, NOT_VALID)

    async def _grant(self, interaction: Interaction, approval_id: str, values: list[str]) -> None:
        await acknowledge(interaction)
        _, actor = await self._who(interaction, approval_id)
        offer = chosen(await self._service().card_for(approval_id, actor), values[0] if values else "")
        if offer is None:
            raise Refused("not_allowed", GONE_OFFER)
        await self._decide(
            interaction, "approve", approval_id, grant=offer.grant, pattern=offer.pattern, is_private=True
        )

    async def _submitted(self, interaction: Interaction, pressed: Pressed, text: str) -> None:
        await acknowledge(interaction)
        if pressed.verb == "denied":
            await self._decide(interaction, "deny", pressed.id, reason=text)
        else:
            await self._decide(interaction, "edit", pressed.id, arguments=text)

    # --- deciding ---

    async def _decide(
        self, interaction: Interaction, verb: Any, approval_id: str, *, is_private: bool = False, **more: Any
    ) -> None:
        """Decide, and say what only this person has to know; `is_private`: it was pressed on a message of theirs."""
        place, actor = await self._who(interaction, approval_id)
        message = interaction.message
        is_card = message is not None and not message.flags.ephemeral and not is_private
        shown_as = str(message.id) if message is not None and is_card else ""
        click = Click(approval_id, verb, actor, shown_in=place, shown_as=shown_as, **more)
        lock = self._turns.setdefault(approval_id, asyncio.Lock())
        async with lock:  # the first to press is the first to be heard, whatever has to be looked up
            outcome = await self._service().decide(await self._with_requester(click))
        is_open = outcome.card is not None and outcome.card.state == "pending"
        if not outcome.is_accepted or is_open or is_private or not is_card or more:
            await tell(interaction, plain(outcome.message))

    async def _with_requester(self, click: Click) -> Click:
        """The click, after whoever asked was looked at again, where it may let their call run."""
        asked = await self._service().asked(click.approval_id) if click.verb != "deny" else None
        if asked is not None and asked[1] != click.actor:
            await self._intake.look_at(asked[1])
        return click

    async def _who(self, interaction: Interaction, approval_id: str) -> tuple[Place, Actor]:
        """Where and who; in direct messages, as the server knows them in which the call was asked for."""
        asked = await self._service().asked(approval_id)
        if interaction.guild_id is not None or asked is None:
            return await self._intake.where(interaction)
        return await self._intake.where_direct(interaction.user, asked[0].workspace, is_fresh=True)


class Pressable(discord.ui.DynamicItem[discord.ui.Item[Any]], template=TEMPLATE):
    """A button or menu of a card, made anew from its custom_id when it is used."""

    def __init__(self, item: discord.ui.Item[Any], clicks: Clicks) -> None:
        super().__init__(item)
        self._clicks = clicks

    @classmethod
    async def from_custom_id(
        cls, interaction: Interaction, item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Pressable:
        return cls(item, interaction.client.clicks)

    async def callback(self, interaction: Interaction) -> None:
        await self._clicks.press(interaction)


async def acknowledge(interaction: Interaction) -> None:
    """Tell Discord within its three seconds that the click has come. Where that is too late, what it asks for is done
    all the same."""
    try:
        async with asyncio.timeout(ACKNOWLEDGED_WITHIN_S):
            await interaction.response.defer()
    except LOST as err:
        log.info("click.late", kind=type(err).__name__, code=getattr(err, "code", None))


def is_left_over(interaction: Interaction) -> bool:
    """Whether nobody else answers this click: its id is none that anybody knows, or its message does not hold it as it
    is now (discord.py drops such a click without a word)."""
    data: Any = interaction.data or {}
    custom_id = str(data.get("custom_id", ""))
    held = custom_ids(interaction.message.components) if interaction.message is not None else []
    return TEMPLATE.fullmatch(custom_id) is None or custom_id not in held


def _is_somebody(interaction: Interaction) -> bool:
    """Whether Discord says who did it: in a server that is a member of it."""
    return isinstance(interaction.user, discord.Member if interaction.guild_id is not None else discord.abc.User)


def _user_id(interaction: Interaction) -> int | None:
    return interaction.user.id if _is_somebody(interaction) else None


def _inputs(components: Any) -> list[str]:
    """The texts of a modal, in order (docs, "Modal Submit"; a Label holds its input)."""
    found = []
    for one in components:
        if isinstance(value := one.get("value"), str):
            found.append(value)
        found += _inputs(one.get("components", ()))
        if isinstance(inner := one.get("component"), dict):
            found += _inputs([inner])
    return found


def _unstored(modal: discord.ui.Modal) -> discord.ui.Modal:
    """A modal that discord.py does not keep: what is sent with it comes as an event, also in another process."""
    modal.stop()
    return modal
