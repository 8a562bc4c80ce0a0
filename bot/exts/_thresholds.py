"""From how many percent on things are shown: what verdicts advise, and what an administrator says."""

import discord

from bot.client import SimilarBot
from bot.exts._access import guild_of
from bot.exts._convert import server_of
from bot.exts._words import words_of
from bot.services.audit import Act
from bot.services.verdicts import ENOUGH, Standing, Subject
from bot.words import Words

_ACTS = {Subject.RELATED: Act.SIFTED, Subject.WAVES: Act.WAVES_SIFTED}


def threshold_lines(standing: Standing, words: Words) -> list[str]:
    """What is applied, and what the verdicts advise; nothing before there are any."""
    lines = []
    if standing.applied is not None:
        lines.append(words(f"{standing.subject}.applied", percent=standing.applied))
    if standing.advice is not None:
        lines.append(_advice_line(standing, words))
    elif standing.n:
        lines.append(_nothing_line(standing, words))
    return lines


async def put_threshold(interaction: discord.Interaction[SimilarBot], subject: Subject, percent: int | None) -> None:
    """Apply what verdicts advise, or a number, and tell that; 0 leaves it to the bot again."""
    guild, words, app = guild_of(interaction), words_of(interaction), interaction.client.app
    standing = await app.verdicts.standing(guild.id, subject)
    lines = []
    if percent is None and standing.advice is not None:
        percent = standing.advice.percent
        lines.append(_advice_line(standing, words))
    if percent is None:
        await interaction.edit_original_response(content=_nothing_line(standing, words))
        return
    await app.coverage.know(server_of(guild))
    if percent:
        await app.verdicts.put_threshold(guild.id, subject, percent)
    else:
        await app.verdicts.drop_threshold(guild.id, subject)
    await app.audit.note(guild.id, _ACTS[subject], actor_id=interaction.user.id, percent=percent)
    lines.append(words(f"{subject}.applied" if percent else f"{subject}.unapplied", percent=percent))
    await interaction.edit_original_response(content="\n".join(lines))


def _advice_line(standing: Standing, words: Words) -> str:
    """A threshold with its measured precision."""
    assert standing.advice is not None
    advice = standing.advice
    values = {"precision": 100 * advice.precision, "low": 100 * advice.low}
    return words(f"{standing.subject}.advice", percent=advice.percent, n=advice.n, n_good=advice.n_good, **values)


def _nothing_line(standing: Standing, words: Words) -> str:
    return words(f"{standing.subject}.no_advice", n=standing.n, enough=ENOUGH)
