"""Groups of messages as they are shown on Discord, within its limits; pure functions."""

import discord

from bot.exts._quote import quoted
from bot.services.groups import Group, GroupPage
from bot.words import Words

# Five groups of 700 characters fit into a description, which holds 4,096.
_QUOTE = 360
_CHANNELS = 3  # that are named


def groups_embed(page: GroupPage, words: Words) -> discord.Embed:
    """A page of groups: how large, by how many, where, from when to when, and an example."""
    if not page.groups:
        is_first = page.start == 0 and not page.n_more
        return discord.Embed(description=words("groups.nothing" if is_first else "groups.gone"))
    lines = [_group(number, group, words) for number, group in enumerate(page.groups, page.start + 1)]
    embed = discord.Embed(title=words("groups.title"), description="\n".join(lines))
    return embed.set_footer(text=words("groups.more", n=page.n_more) if page.n_more else words("groups.last"))


def _group(number: int, group: Group, words: Words) -> str:
    head = words(
        "groups.head",
        size=size_of(group, words),
        authors=authors_of(group, words),
        channels=_channels(group, words),
        first=discord.utils.format_dt(group.first_at, "d"),
        last=discord.utils.format_dt(group.last_at, "d"),
    )
    if group.example is None:
        return f"**{number}.** {head}\n> {words('groups.no_example')}"
    message = group.example.message
    quote = quoted(message.shown, budget=_QUOTE) or words("hit.no_text")
    return f"**{number}.** {head} · [{words('answer.jump')}]({message.url})\n> {quote}"


def size_of(group: Group, words: Words) -> str:
    return words("groups.size_or_more" if group.is_cut else "groups.size", n=len(group.places))


def authors_of(group: Group, words: Words) -> str:
    n = group.n_authors
    return words("groups.one_author") if n == 1 else words("groups.authors", n=n)


def _channels(group: Group, words: Words) -> str:
    ids = group.channel_ids
    named = ", ".join(f"<#{channel_id}>" for channel_id in ids[:_CHANNELS])
    n_more = len(ids) - _CHANNELS
    return words("groups.more_channels", channels=named, n=n_more) if n_more > 0 else named
