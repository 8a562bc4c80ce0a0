"""What a server has kept and for how long, in words."""

import discord
from discord import app_commands

from bot.exts._words import told
from bot.services.keeping import Keeping, Kind
from bot.services.withdrawal import Retention
from bot.words import Words

KINDS = [app_commands.Choice(name=told(f"kinds.{kind}"), value=kind.value) for kind in Kind]


def kind_lines(keeping: Keeping, guild_id: int, words: Words) -> list[str]:
    """Which kinds a server turned on, and which are off."""
    on = [kind for kind in Kind if keeping.includes(guild_id, kind)]
    off = [kind for kind in Kind if kind not in on]
    lines = {"index.kinds_on": on, "index.kinds_off": off}
    return [
        words(key, kinds=words("index.comma").join(words(f"kinds.{kind}") for kind in kinds))
        for key, kinds in lines.items()
        if kinds
    ]


def age_lines(keeping: Keeping, guild_id: int, last: Retention | None, words: Words) -> list[str]:
    """After how many days a server's messages go, and when that was last looked after; nothing without a limit."""
    if (days := keeping.days(guild_id)) is None:
        return []
    lines = [words("index.retention", days=f"{days:,g}")]
    if last is not None:
        at, then = (discord.utils.format_dt(moment, "R") for moment in (last.last_sweep_at, last.next_sweep_at))
        lines.append(words("index.last_sweep", n=last.n_swept, at=at, then=then))
    return lines
