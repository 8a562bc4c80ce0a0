"""Lines of the audit as Discord shows them."""

import discord

from bot.services.audit import AuditLine
from bot.words import Words

_LONGEST = 4_096  # of an embed's description


def audit_embed(lines: list[AuditLine], own: list[AuditLine], words: Words) -> discord.Embed:
    """What was done, the newest first, each with when and by whom; what members did about what is theirs apart."""
    told = [_told(line, words) for line in lines] or [words("audit.nothing")]
    if own:
        told += [words("audit.own"), *(_told(line, words) for line in own)]
    return discord.Embed(title=words("audit.title"), description="\n".join(told)[:_LONGEST])


def _told(line: AuditLine, words: Words) -> str:
    return words(
        "audit.line",
        at=discord.utils.format_dt(line.at, "d" if line.is_own else "f"),
        actor=words(f"audit.{line.by}") if line.actor_id is None else f"<@{line.actor_id}>",
        act=words.act(line.key, **{**line.detail, "channel": f"<#{line.detail.get('channel_id')}>"}),
    )
