"""/index: what a server lets the bot store. For members with Manage Server."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import SimilarBot
from bot.errors import EmbeddingError, NotOffered
from bot.exts._access import guild_of
from bot.exts._audit import audit_embed
from bot.exts._convert import server_of
from bot.exts._kept import KINDS, age_lines, kind_lines
from bot.exts._options import AnyChannel, place_of
from bot.exts._starts import BeginButton, LeaveButton, ask_to_begin, begin, refuse_closed
from bot.exts._thresholds import threshold_lines
from bot.exts._words import told, worded, words_of
from bot.services.audit import Act
from bot.services.coverage import WHOLE_SERVER, Past
from bot.services.keeping import Kind
from bot.services.status import Outage
from bot.services.usage import ServerUsage
from bot.services.verdicts import Subject
from bot.words import Words

Asked = discord.Interaction[SimilarBot]
for_managers = app_commands.checks.has_permissions(manage_guild=True)


@app_commands.default_permissions(manage_guild=True)
class Admin(
    commands.GroupCog,
    group_name=told("commands.index.name"),
    group_description=told("commands.index.description"),
):
    """Starting, stopping and looking at indexing."""

    def __init__(self, bot: SimilarBot) -> None:
        self.bot = bot
        self.coverage = bot.app.coverage

    @app_commands.command(name=told("commands.index_start.name"), description=told("commands.index_start.description"))
    @worded("index_start", "channel")
    @for_managers
    async def start(self, interaction: Asked, channel: AnyChannel | None = None) -> None:
        guild = guild_of(interaction)
        self.coverage.refuse_strangers(guild.id)
        if channel is not None:
            refuse_closed(guild, await place_of(channel), self.bot.app.keeping)
        is_paid = self.bot.app.inspector.costs.is_paid
        await interaction.response.defer(ephemeral=is_paid, thinking=True)
        channel_id = WHOLE_SERVER if channel is None else channel.id
        if is_paid:
            await ask_to_begin(interaction, channel_id)
        else:
            await begin(interaction, channel_id)

    @app_commands.command(name=told("commands.index_stop.name"), description=told("commands.index_stop.description"))
    @worded("index_stop", "channel")
    @for_managers
    async def stop(self, interaction: Asked, channel: AnyChannel | None = None) -> None:
        guild, words = guild_of(interaction), words_of(interaction)
        await interaction.response.defer(ephemeral=True, thinking=True)
        await self.coverage.stop(server_of(guild), WHOLE_SERVER if channel is None else channel.id)
        await self._note(interaction, Act.STOPPED, **_where(channel))
        key = "index.stopped_all" if channel is None else "index.stopped"
        await interaction.edit_original_response(content=words(key))

    @app_commands.command(name=told("commands.index_pause.name"), description=told("commands.index_pause.description"))
    @for_managers
    async def pause(self, interaction: Asked) -> None:
        await self._put_past(interaction, Past.PAUSED)

    @app_commands.command(
        name=told("commands.index_cancel.name"), description=told("commands.index_cancel.description")
    )
    @for_managers
    async def cancel(self, interaction: Asked) -> None:
        await self._put_past(interaction, Past.CANCELLED)

    @app_commands.command(
        name=told("commands.index_status.name"), description=told("commands.index_status.description")
    )
    @for_managers
    async def status(self, interaction: Asked) -> None:
        guild, words = guild_of(interaction), words_of(interaction)
        await interaction.response.defer(ephemeral=True, thinking=True)
        status = await self.bot.app.inspector.server(guild.id)
        lines = self._covered(guild.id, words)
        lines.append(words("index.counts", **{name: getattr(status, name) for name in _COUNTS}))
        if status.unworded:
            lines.append(words("index.unworded", n=status.unworded))
        lines += kind_lines(self.bot.app.keeping, guild.id, words)
        lines += age_lines(self.bot.app.keeping, guild.id, await self.bot.app.withdrawal.last(guild.id), words)
        lines.append(words("index.embedder", model_key=status.model_key))
        lines += [*self._reading(guild.id, words), *_outage(status.outage, words)]
        lines += _usage(status.usage, words)
        if days := await self.coverage.half_life(guild.id):
            lines.append(_freshness(days, words))
        for subject in Subject:
            lines += threshold_lines(await self.bot.app.verdicts.standing(guild.id, subject), words)
        await interaction.edit_original_response(embed=discord.Embed(description="\n".join(lines)[:4096]))

    @app_commands.command(name=told("commands.index_fresh.name"), description=told("commands.index_fresh.description"))
    @worded("index_fresh", "days")
    @for_managers
    async def fresh(self, interaction: Asked, days: app_commands.Range[int, 0, 3650]) -> None:
        guild, words = guild_of(interaction), words_of(interaction)
        await interaction.response.defer(ephemeral=True, thinking=True)
        if not self.coverage.is_indexed(guild.id):
            await interaction.edit_original_response(content=words("index.off"))
            return
        await self.coverage.prefer_newer(server_of(guild), days or None)
        await self._note(interaction, Act.FRESHENED, days=days)
        await interaction.edit_original_response(content=_freshness(days or None, words))

    @app_commands.command(
        name=told("commands.index_include.name"), description=told("commands.index_include.description")
    )
    @worded("index_include", "kind", "on")
    @app_commands.choices(kind=KINDS)
    @for_managers
    async def include(self, interaction: Asked, kind: str, on: bool) -> None:  # noqa: FBT001  # an option of a command
        guild, words = guild_of(interaction), words_of(interaction)
        self.coverage.refuse_strangers(guild.id)
        await interaction.response.defer(ephemeral=True, thinking=True)
        named = words(f"kinds.{kind}")
        if on:
            await self.bot.app.withdrawal.admit(server_of(guild), Kind(kind))
            await self._note(interaction, Act.INCLUDED, kind=kind)
            sentence = words("index.included", kind=named)
            self.bot.reader.start(guild.id)
        else:
            n = await self.bot.app.withdrawal.bar(server_of(guild), Kind(kind))
            await self._note(interaction, Act.EXCLUDED, kind=kind)
            sentence = words("index.excluded", kind=named, n=n)
        await interaction.edit_original_response(content=sentence)

    @app_commands.command(
        name=told("commands.index_retention.name"), description=told("commands.index_retention.description")
    )
    @worded("index_retention", "days")
    @for_managers
    async def retention(self, interaction: Asked, days: app_commands.Range[int, 0, 3650]) -> None:
        guild, words = guild_of(interaction), words_of(interaction)
        self.coverage.refuse_strangers(guild.id)
        await interaction.response.defer(ephemeral=True, thinking=True)
        n = await self.bot.app.withdrawal.retain(server_of(guild), days or None)
        await self._note(interaction, Act.RETAINED, days=days)
        self.bot.reader.start(guild.id)  # a longer limit lets older messages in
        lines = age_lines(self.bot.app.keeping, guild.id, None, words) or [words("index.ages_well")]
        await interaction.edit_original_response(content="\n".join([*lines, words("index.expired", n=n)]))

    @app_commands.command(name=told("commands.index_audit.name"), description=told("commands.index_audit.description"))
    @for_managers
    async def audit(self, interaction: Asked) -> None:
        guild, words = guild_of(interaction), words_of(interaction)
        await interaction.response.defer(ephemeral=True, thinking=True)
        lines, own = await self.bot.app.audit.latest(guild.id), await self.bot.app.audit.latest_own(guild.id)
        await interaction.edit_original_response(embed=audit_embed(lines, own, words))

    async def _note(self, interaction: Asked, act: Act, **detail: object) -> None:
        await self.bot.app.audit.note(guild_of(interaction).id, act, actor_id=interaction.user.id, **detail)

    @app_commands.command(
        name=told("commands.index_budget.name"), description=told("commands.index_budget.description")
    )
    @worded("index_budget", "dollars")
    @for_managers
    async def budget(self, interaction: Asked, dollars: app_commands.Range[float, 0, 1_000_000]) -> None:
        guild, words, app = guild_of(interaction), words_of(interaction), self.bot.app
        self.coverage.refuse_strangers(guild.id)
        await interaction.response.defer(ephemeral=True, thinking=True)
        await self.coverage.know(server_of(guild))
        await app.spending.put_budget(guild.id, dollars or None)
        await self._note(interaction, Act.BUDGETED, dollars=dollars)
        app.ingest.has_pending.set()  # what waited for a higher one
        status = await app.inspector.server(guild.id)
        lines = _usage(status.usage, words) or [words("index.budget_unneeded")]
        if status.usage is not None and status.usage.dollars is None:
            lines.append(words("index.budget_unpriced", model_key=status.model_key))
        await interaction.edit_original_response(content="\n".join(lines))

    async def _put_past(self, interaction: Asked, past: Past) -> None:
        guild, words = guild_of(interaction), words_of(interaction)
        await interaction.response.defer(ephemeral=True, thinking=True)
        if not self.coverage.is_indexed(guild.id):
            await interaction.edit_original_response(content=words("index.off"))
            return
        await self.coverage.put_past(guild.id, past)
        await self._note(interaction, _PAST_ACTS[past])
        await interaction.edit_original_response(content=words(f"index.{past}"))

    def _reading(self, guild_id: int, words: Words) -> list[str]:
        """What becomes of the history, and how far reading it has come."""
        past = self.coverage.past(guild_id)
        if past is not Past.WANTED and self.coverage.is_indexed(guild_id):
            return [words(f"index.{past}")]
        if not self.bot.reader.is_reading(guild_id):
            return []
        return [self.bot.reader.told(guild_id, words) or words("index.is_reading")]

    def _covered(self, guild_id: int, words: Words) -> list[str]:
        """What is indexed and what is not, the channels by their names."""
        if not self.coverage.is_offered(guild_id):
            return [words.error_on_discord(NotOffered()), words("index.not_offered")]
        if not self.coverage.is_indexed(guild_id):
            return [words("index.off")]
        told_of = dict(self.coverage.told(guild_id))
        is_whole = told_of.pop(WHOLE_SERVER, False)
        named = [i for i, is_indexed in told_of.items() if is_indexed]
        without = _named("index.except_named", [i for i in told_of if i not in named], words)
        if is_whole:
            return [words("index.whole_server"), *without, *_named("index.also_named", named, words)]
        return [*_named("index.only_named", named, words), *without]


def _outage(outage: Outage | None, words: Words) -> list[str]:
    """Why nothing gets its vector at the moment, if that is so."""
    if outage is None:
        return []
    reason = words.error(EmbeddingError(outage.code, outage.detail))
    since, next_try = (discord.utils.format_dt(at, "R") for at in (outage.began_at, outage.next_try_at))
    return [words("index.outage", reason=reason, since=since, next_try=next_try)]


def _where(channel: AnyChannel | None) -> dict[str, str]:
    return {} if channel is None else {"channel_id": str(channel.id)}


def _usage(usage: ServerUsage | None, words: Words) -> list[str]:
    """What the server has cost this month and may cost; nothing where that is nothing."""
    if usage is None:
        return []
    values = {"month": usage.month, "tokens": usage.tokens, "texts": usage.texts, "dollars": usage.dollars}
    lines = [words("index.usage_unpriced" if usage.dollars is None else "index.usage", **values)]
    if usage.budget_dollars is None:
        lines.append(words("index.no_budget"))
    else:
        lines.append(words("index.cap" if usage.is_capped else "index.budget", dollars=usage.budget_dollars))
    if usage.is_spent or usage.all_are_spent:
        is_their_own = usage.is_spent and not usage.is_capped
        lines.append(words("index.budget_spent" if is_their_own else "index.all_spent"))
    elif usage.is_nearly_spent:
        lines.append(words("index.budget_near"))
    return lines


def _freshness(days: int | None, words: Words) -> str:
    return words("index.fresh", days=days) if days else words("index.ageless")


_PAST_ACTS = {Past.PAUSED: Act.PAUSED, Past.CANCELLED: Act.CANCELLED}
_COUNTS = ("messages", "embedded", "pending", "parked")
_MOST_NAMED = 50


def _named(key: str, channel_ids: list[int], words: Words) -> list[str]:
    """A headline with channels below it, if there are any."""
    lines = [words(key), *(f"- <#{i}>" for i in channel_ids[:_MOST_NAMED])] if channel_ids else []
    n_more = len(channel_ids) - _MOST_NAMED
    return [*lines, words("index.more_named", n=n_more)] if n_more > 0 else lines


async def setup(bot: SimilarBot) -> None:
    bot.add_dynamic_items(BeginButton, LeaveButton)
    await bot.add_cog(Admin(bot))
