"""Hits as they are shown on Discord, within its limits; pure functions."""

from collections.abc import Iterable

import discord

from bot.exts._quote import named, quoted
from bot.messages import Hit
from bot.services.answers import Page
from bot.services.duplicates import Marks
from bot.services.folding import MOST_COPIES
from bot.services.listed import Listed
from bot.words import Words

# Five hits of 760 characters fit into a description, which holds 4,096.
_NAME, _QUOTE = 120, 480
_NO_MARKS = Marks()


def page_embed(page: Page, words: Words, *, marks: Marks = _NO_MARKS) -> discord.Embed:
    """A page of an answer, with how much more there is; `marks` are those that the asker may see."""
    remarks = [words(f"answer.{page.words_only}")] if page.words_only else []
    if page.n_unknown:
        remarks.append(words("answer.unknown", n=page.n_unknown))
    told = "\n".join(remarks)
    if not page.hits:
        is_first = page.start == 0 and not page.n_more
        nothing = "" if page.n_unknown else words("answer.nothing" if is_first else "answer.gone")
        return discord.Embed(description="\n".join(filter(None, (nothing, told))))
    embed = hits_embed(page.hits, words, first=page.start + 1, confirmed=page.firsts, marks=marks)
    embed.title = words("answer.title")
    more = words("answer.more", n=page.n_more) if page.n_more else words("answer.last")
    return embed.set_footer(text=f"{more}\n{told}" if told else more)


def share_embed(hits: Iterable[Hit], words: Words) -> discord.Embed:
    """What an answer shows when it was shared."""
    embed = hits_embed(hits, words)
    embed.title = words("answer.title")
    if not embed.description:
        embed.description = words("answer.nothing_left")
    return embed


def related_embed(hits: Iterable[Hit], words: Words) -> discord.Embed:
    """What is suggested in a new thread."""
    embed = hits_embed(hits, words)
    embed.title = words("related.title")
    return embed.set_footer(text=words("related.footer"))


def hits_embed(
    hits: Iterable[Hit],
    words: Words,
    *,
    first: int = 1,
    confirmed: frozenset[int] = frozenset(),
    marks: Marks = _NO_MARKS,
) -> discord.Embed:
    """Hits below one another: who, where, when, how near, a quote, and a way to get there.

    `confirmed` are the copies that Discord still has: to others there is no way.
    """
    lines = [
        _hit(n, hit, words, [*_said_again(hit, words, confirmed), *_asked_again(hit, words, marks)])
        for n, hit in enumerate(hits, first)
    ]
    return discord.Embed(description="\n".join(lines))


def _hit(number: int, hit: Hit, words: Words, again: list[str]) -> str:
    message = hit.message
    head = words(
        "answer.head",
        author=named(message.author_name, budget=_NAME) or words("answer.no_name"),
        channel=f"<#{message.channel_id}>",
        age=discord.utils.format_dt(message.created_at, "R"),
        nearness=_nearness(hit, words),
    )
    budget = _QUOTE - len("".join(again))
    quote = quoted(message.shown, budget=budget, start=hit.quoted_from) or words("hit.no_text")
    lines = [f"**{number}.** {head} · [{words('answer.jump')}]({message.url})", f"> {quote}"]
    return "\n".join([*lines, *again])


def _said_again(hit: Hit, words: Words, confirmed: frozenset[int]) -> list[str]:
    """How often it was said, and where first; nothing for what was said once."""
    if not hit.copies:
        return []
    messages = [hit.message, *(stored.message for stored in hit.copies)]
    first = min(messages, key=lambda one: one.message_id)
    since = discord.utils.format_dt(first.created_at, "D")
    key = "answer.said_often" if len(hit.copies) >= MOST_COPIES else "answer.said"
    line = words(key, n=len(messages), since=since)
    if len(hit.copies) >= MOST_COPIES:
        return [line]
    if first is hit.message:
        return [f"{line}, {words('answer.is_first')}"]
    return [f"{line}, [{words('answer.first')}]({first.url})" if first.message_id in confirmed else line]


def _asked_again(hit: Hit, words: Words, marks: Marks) -> list[str]:
    """How often a question was asked, or where it was asked before, as people have marked it."""
    message_id = hit.message.message_id
    if (url := marks.original_url(message_id)) is not None:
        return [words("answer.duplicate", url=url)]
    n_asked = marks.n_asked(message_id)
    return [words("answer.asked", n=n_asked)] if n_asked > 1 else []


def copies_embed(copies: Listed, words: Words) -> discord.Embed:
    """Messages that say the same, one a line: who, where and when."""
    lines = [
        words(
            "answer.copy",
            author=named(message.author_name, budget=_NAME) or words("answer.no_name"),
            channel=f"<#{message.channel_id}>",
            age=discord.utils.format_dt(message.created_at, "f"),
            url=message.url,
        )
        for message in (stored.message for stored in copies.shown)
    ]
    if copies.n_more:
        lines.append(words("answer.more_copies", n=copies.n_more))
    if copies.n_unknown:
        lines.append(words("answer.unknown", n=copies.n_unknown))
    return discord.Embed(title=words("answer.copies_title"), description="\n".join(lines) or words("answer.gone"))


def _nearness(hit: Hit, words: Words) -> str:
    """A step, or the percentage where there is too little to measure steps by."""
    if hit.nearness is not None:
        return words(f"nearness.{hit.nearness.name.lower()}")
    if hit.score is None:
        return words("nearness.same_words")
    return words("nearness.percent", percent=max(round(hit.score * 100), 0))
