"""The Discord client: what it asks for, what runs beside it, and how it ends."""

import asyncio
import logging
import signal
import time
from collections.abc import Callable, Collection, Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.app import App
from bot.askers import Audience, Member
from bot.errors import DiscordIntentMissing, DiscordTokenRefused, DiscordUnreachable
from bot.exts._access import Access
from bot.exts._audience import audience_of
from bot.exts._convert import Place, location_of
from bot.exts._failures import FAILED_FOR_NOW
from bot.exts._gateway import survive_parsers
from bot.exts._history import DiscordHistory
from bot.exts._reach import Reach
from bot.exts._reader import Reader
from bot.exts._replies import Replies
from bot.exts._shares import keep_shares_true
from bot.exts._waves import keep_notices_true
from bot.exts._words import CatalogueTranslator, tell
from bot.services.audit import Act
from bot.services.pulse import feel_pulse

log = logging.getLogger(__name__)

EXTENSIONS = (
    "bot.exts.similar",
    "bot.exts.duplicates",
    "bot.exts.groups",
    "bot.exts.pictures",
    "bot.exts.privacy",
    "bot.exts.admin",
    "bot.exts.suggest",
    "bot.exts.watch",
    "bot.exts.events",
)
_NEEDED = discord.Permissions(view_channel=True, read_message_history=True)
_TELLING_OF_RIGHTS = {"GUILD_CREATE", "GUILD_UPDATE", "GUILD_ROLE_UPDATE", "CHANNEL_UPDATE"}
_EXPIRED_EVERY_S = 600.0
_REREAD_EVERY_S = 30.0
_LONGEST_WAIT_S = (
    30.0  # the least that discord.py takes; what Discord wants to wait longer for fails, to be tried later
)
_TOKEN_REFUSED = 4004  # the gateway's close code when the token was reset
_RESTART_S = 5.0
_EMPTYING_S = 3.0  # of the five that a stop may take


class Commands(app_commands.CommandTree["SimilarBot"]):
    """The commands, of servers only; what goes wrong is told to the person."""

    async def on_error(
        self, interaction: discord.Interaction["SimilarBot"], error: app_commands.AppCommandError
    ) -> None:
        if interaction.type is discord.InteractionType.autocomplete:
            log.warning("autocomplete %d failed: %s", interaction.id, type(error).__name__)
            return
        await tell(interaction, error)


class SimilarBot(commands.Bot):
    """The bot on Discord. What it does is done by the services of `app`."""

    def __init__(self, app: App, *, removal_grace: timedelta, say: Callable[..., None]) -> None:
        super().__init__(
            command_prefix=commands.when_mentioned,
            help_command=None,
            intents=_intents(),
            tree_cls=Commands,
            allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=False, private_channel=False),
            allowed_installs=app_commands.AppInstallationType(guild=True, user=False),
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            max_ratelimit_timeout=_LONGEST_WAIT_S,
        )
        self.app = app
        self.access = Access()
        self.reader = Reader(self, app.backfill, app.coverage, app.keeping, app.inbox)
        self._reach = Reach(self, self.reader)
        self._removal_grace = removal_grace
        self._say = say
        self._was_ready = False
        self._reread_after: dict[int, float] = {}  # by server, in monotonic seconds
        survive_parsers(self._connection.parsers, self._was_not_understood)
        self._tasks: list[asyncio.Task[None]] = []

    async def setup_hook(self) -> None:
        assert self.user is not None
        await self.app.keeping.met_oneself(self.user.id)
        await self.tree.set_translator(CatalogueTranslator())
        for extension in EXTENSIONS:
            await self.load_extension(extension)
        await self._announce_commands()
        self.app.ingest.has_pending.set()
        self.run_beside(lambda: self.app.inbox.run(self._reach))
        self.run_beside(self._embed)
        self.run_beside(self._drop_expired)
        self.run_beside(lambda: self.app.reconcile.sweep(self._histories))
        self.run_beside(self.app.upkeep.run)
        self.run_beside(self.app.withdrawal.run)
        self.run_beside(self.app.indexer.keep_mirror)
        self.run_beside(feel_pulse)
        replies = Replies(self, self.app.duplicates, self.audience_of)
        self.run_beside(lambda: keep_shares_true(self, self.app.answers, self.audience_of, also=replies.mend))
        self.run_beside(self.app.waves.run)
        self.run_beside(lambda: keep_notices_true(self, self.app.notices, self.app.waves, self.audience_of))

    async def on_message(self, message: discord.Message, /) -> None:
        """Nothing: commands are the slash kind, and messages are put down by an extension."""

    async def close(self) -> None:
        """Stop reading and listening, put down what has arrived, then stop what runs beside."""
        if self._was_ready:
            self._say("discord.stopping")
        await self.reader.close()
        await super().close()
        try:
            await asyncio.wait_for(self.app.inbox.emptied(), _EMPTYING_S)
        except TimeoutError:
            log.warning("%d events were left; they are read again from history", len(self.app.inbox))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def announce_ready(self) -> None:
        """The first READY is told at the terminal."""
        if not self._was_ready and self.user is not None:
            self._say("discord.online", name=self.user.name, servers=len(self.guilds))
            if not self.guilds:
                self._say("discord.invite", url=discord.utils.oauth_url(self.user.id, permissions=_NEEDED))
        self._was_ready = True

    async def asker_of(self, interaction: discord.Interaction[Any]) -> Member:
        """Who asks, with what they may read at this moment. Raises NotInServer and NotOffered."""
        asker = await self.access.asker(interaction, await self.app.search.channels(interaction.guild_id or 0))
        self.app.coverage.refuse_strangers(asker.guild_id)
        return asker

    async def asker_now(self, interaction: discord.Interaction[Any], channel_ids: Collection[int]) -> Member:
        """Who asks, with those of some channels that they may read when this returns. Raises NotInServer."""
        stored = await self.app.search.channels(interaction.guild_id or 0)
        return await self.access.asker_now(interaction, [c for c in stored if c.channel_id in channel_ids])

    async def audience_of(self, here: Place) -> Audience:
        """Everyone who can read a channel, with what all of them may read."""
        return audience_of(here.guild, location_of(here).channel, await self.app.search.channels(here.guild.id))

    def history_of(self, guild_id: int) -> DiscordHistory:
        """A server's past, to compare with."""
        return DiscordHistory(self, guild_id)

    def _histories(self) -> list[DiscordHistory]:
        return [self.history_of(guild.id) for guild in self.guilds if not guild.unavailable]

    def _was_not_understood(self, event: str, guild_id: int | None) -> None:
        """An event was lost: what it told is read and compared again."""
        if guild_id is None:
            self.app.up_to_date.session_began()
            for each in self.guilds:
                self.reader.start(each.id)
            return
        guild = self.get_guild(guild_id)
        if guild is not None and event in _TELLING_OF_RIGHTS:
            # Half of it is in the cache: that channels or roles are missing there says nothing, nor what they allow.
            guild.unavailable = True
        self.app.up_to_date.lost_sight(guild_id)
        # Who makes such events again and again makes no storm of it; the slow comparison finds what is left.
        if time.monotonic() >= self._reread_after.get(guild_id, 0.0):
            self._reread_after[guild_id] = time.monotonic() + _REREAD_EVERY_S
            self.reader.start(guild_id)

    async def _announce_commands(self) -> None:
        """Tell Discord the commands if they are others than those told last."""
        translator, application_id = self.tree.translator, self.application_id
        assert translator is not None
        assert application_id is not None
        told = [await command.get_translated_payload(self.tree, translator) for command in self.tree.get_commands()]
        if await self.app.announcements.is_news(application_id, told):
            await self.tree.sync()
            await self.app.announcements.made(application_id, told)

    async def _embed(self) -> None:
        """Embed what waits, but of servers that may no longer use the bot."""
        await self.app.indexer.keep_up(self.app.ingest.has_pending, without=self.app.coverage.strangers)

    async def _drop_expired(self) -> None:
        """Drop answers and acts that have expired, and what is stored of servers once their grace is over."""
        await self.wait_until_ready()
        while True:
            self.app.coverage.has_left.clear()
            await self.app.answers.forget_expired()
            await self.app.audit.forget_old()
            for guild_id in await self.app.coverage.left_for(self._removal_grace):
                if self.get_guild(guild_id) is not None:
                    continue  # invited back meanwhile
                log.info("dropping all that is stored of server %d, which the bot has left", guild_id)
                await self.app.ingest.server_gone(guild_id, act=Act.LEFT)
                await self.app.coverage.load()
                await self.app.keeping.load()
            await self.app.privacy.keep_promises()
            with suppress(TimeoutError):
                await asyncio.wait_for(self.app.coverage.has_left.wait(), _EXPIRED_EVERY_S)

    def run_beside(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Have what never ends run until the bot is closed, and begin anew after a failure."""
        self._tasks.append(asyncio.create_task(self._keep_running(work)))

    async def _keep_running(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run what never ends, and begin it anew after a failure, until the bot is closed."""
        while not self.is_closed():
            try:
                await work()
            except Exception:
                if not self.is_closed():
                    log.exception("a background task failed and begins anew in %.0f s", _RESTART_S)
                    await asyncio.sleep(_RESTART_S)


def ended_by_signals() -> None:
    """The first SIGTERM or SIGINT cancels the running task, so that everything is closed in reverse.

    A second one changes nothing: closing is bounded in time, and broken off it would leave things half closed.
    """
    running = asyncio.current_task()
    assert running is not None
    was_told = False

    def cancel_once() -> None:
        nonlocal was_told
        if not was_told:
            running.cancel()
        was_told = True

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, cancel_once)


async def run_bot(bot: SimilarBot, token: str) -> None:
    """Run until cancelled or until there is no connection to be had.

    Raises DiscordTokenRefused, DiscordIntentMissing and DiscordUnreachable.
    """
    try:
        async with bot:
            await bot.start(token)
    except discord.LoginFailure as error:
        raise DiscordTokenRefused from error
    except discord.PrivilegedIntentsRequired as error:
        raise DiscordIntentMissing from error
    except discord.ConnectionClosed as error:
        if error.code == _TOKEN_REFUSED:
            raise DiscordTokenRefused from error
        raise DiscordUnreachable(str(error)) from error
    except (*FAILED_FOR_NOW, discord.GatewayNotFound) as error:
        raise DiscordUnreachable(str(error)) from error


def _intents() -> discord.Intents:
    intents = discord.Intents.none()
    intents.guilds = True
    intents.guild_messages = True
    intents.message_content = True
    return intents
