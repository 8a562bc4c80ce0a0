"""Duplicates as Discord shows them: what is offered, what was marked, what is asked again and again."""

import discord

from bot.exts._quote import named, plain, quoted
from bot.messages import StoredMessage
from bot.services.duplicates import Marked
from bot.services.repeats import RepeatsPage, Told
from bot.words import Words

_LABEL, _NAME = 100, 40  # of a menu's option, and of a name in it
_AUTHOR, _QUOTE = 120, 300  # five questions fit into a description


def option(stored: StoredMessage, words: Words) -> discord.SelectOption:
    """A message to choose: what it says, and below who, where and when; its value is its id."""
    message = stored.message
    below = words(
        "duplicates.option",
        author=plain(message.author_name, budget=_NAME) or words("answer.no_name"),
        channel=plain(stored.channel_name, budget=_NAME) or words("hit.unknown"),
        day=f"{message.created_at:%Y-%m-%d}",
    )
    label = plain(message.shown, budget=_LABEL) or words("hit.no_text")
    return discord.SelectOption(label=label, value=str(message.message_id), description=below)


def marked_embed(marked: Marked, words: Words, *, n_asked: int, is_told: bool) -> discord.Embed:
    """What was marked: both messages with a way to each."""
    told = words("duplicates.told" if is_told else "duplicates.not_told")
    lines = [
        words("duplicates.this", url=marked.message.message.url),
        *_quote(marked.message, words),
        words("duplicates.of", url=marked.original.message.url, head=_head(marked.original, words)),
        *_quote(marked.original, words),
        words("duplicates.asked", n=n_asked),
    ]
    return discord.Embed(title=words("duplicates.marked"), description="\n".join(lines)).set_footer(text=told)


def repeats_embed(page: RepeatsPage, words: Words) -> discord.Embed:
    """A page of what is asked again and again, with how much more there is."""
    unknown = words("answer.unknown", n=page.n_unknown) if page.n_unknown else ""
    if not page.told:
        nothing = words("duplicates.nothing" if not page.every else "answer.gone")
        return discord.Embed(description="\n".join(filter(None, ("" if unknown else nothing, unknown))))
    lines = [_told(number, one, words) for number, one in enumerate(page.told, page.start + 1)]
    embed = discord.Embed(title=words("duplicates.title"), description="\n".join(lines))
    more = words("answer.more", n=page.n_more) if page.n_more else words("answer.last")
    return embed.set_footer(text=f"{more}\n{unknown}" if unknown else more)


def _told(number: int, one: Told, words: Words) -> str:
    repeat = one.repeat
    head = words(
        "duplicates.repeat",
        n=repeat.n_asked,
        since=discord.utils.format_dt(repeat.first.asked_at, "D"),
        last=discord.utils.format_dt(repeat.last.asked_at, "R"),
        url=repeat.last.url,
    )
    ways = [words("duplicates.original", url=repeat.original.url, head=_head(one.stored, words))]
    if one.answer is not None:
        ways.append(words("duplicates.answered", url=one.answer.message.url))
    return "\n".join([f"**{number}.** {head}", *_quote(one.stored, words), " · ".join(ways)])


def _head(stored: StoredMessage, words: Words) -> str:
    message = stored.message
    return words(
        "duplicates.head",
        author=named(message.author_name, budget=_AUTHOR) or words("answer.no_name"),
        channel=f"<#{message.channel_id}>",
        day=discord.utils.format_dt(message.created_at, "D"),
    )


def _quote(stored: StoredMessage, words: Words) -> list[str]:
    return [f"> {quoted(stored.message.shown, budget=_QUOTE) or words('hit.no_text')}"]
