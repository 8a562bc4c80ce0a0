"""Waves as they are shown on Discord; pure functions."""

from collections.abc import Sequence

import discord
from discord import ui

from bot.exts._quote import named, quoted
from bot.messages import Message
from bot.services.wavenotices import Extent, Told, WavePage, WaveState
from bot.times import made_at
from bot.words import Words

_NAME, _QUOTE, _MOST_CHANNELS = 120, 240, 10
# Ten messages of 390 characters fit into a description, which holds 4,096.
_SHORT_NAME, _SHORT_QUOTE = 60, 150


def notice_embed(told: Told, words: Words) -> discord.Embed:
    """How large a wave is, where, an example, and what has become of it."""
    lines = [] if told.extent is None else _extent_lines(told.extent, words)
    if told.example is not None:
        lines += _message_lines(told.example.message, "wave.example", words, name=_NAME, quote=_QUOTE)
    if not lines:
        lines = [words("wave.empty" if told.is_empty else "wave.hidden")]
    lines.append(f"-# {words(f'wave.{told.wave.state}')}")
    embed = discord.Embed(title=words("wave.title"), description="\n".join(lines))
    return embed.set_footer(text=words("wave.footer"))


def notice_view(told: Told, words: Words) -> ui.View:
    """What can be done about a wave; bot.exts._wave_buttons has what happens then."""
    kinds = ["show"]
    if told.wave.state in (WaveState.OPEN, WaveState.OVER) and not told.wave.is_judged:
        kinds.append("helped")
    if told.wave.state in (WaveState.OPEN, WaveState.OVER):
        kinds.append("dismiss")
    if told.wave.state is not WaveState.IGNORED:
        kinds.append("ignore")
    view = ui.View(timeout=None)
    for kind in kinds:
        custom_id = f"wave_{kind}:{told.wave.wave_id}"
        view.add_item(ui.Button(label=words(f"wave.{kind}"), custom_id=custom_id))
    return view


def wave_embed(page: WavePage, words: Words) -> discord.Embed:
    """Messages of a wave, one below another."""
    lines: list[str] = []
    for stored in page.shown:
        lines += _message_lines(stored.message, "wave.message", words, name=_SHORT_NAME, quote=_SHORT_QUOTE)
    if not lines:
        lines.append(words("wave.none"))
    embed = discord.Embed(title=words("wave.messages_title"), description="\n".join(lines))
    remarks = [words("answer.more", n=page.n_more)] if page.n_more else []
    if page.n_unknown:
        remarks.append(words("answer.unknown", n=page.n_unknown))
    return embed.set_footer(text="\n".join(remarks)) if remarks else embed


def _extent_lines(extent: Extent, words: Words) -> list[str]:
    key = "wave.one_account" if extent.n_accounts == 1 else "wave.counts"
    channels = _channels(extent.channel_ids, words)
    first, last = (discord.utils.format_dt(made_at(i), "f") for i in (extent.first_id, extent.last_id))
    return [
        words(key, messages=extent.n_messages, accounts=extent.n_accounts, channels=channels),
        words("wave.times", first=first, last=last),
    ]


def _channels(channel_ids: Sequence[int], words: Words) -> str:
    told = [f"<#{channel_id}>" for channel_id in channel_ids[:_MOST_CHANNELS]]
    if n_more := len(channel_ids[_MOST_CHANNELS:]):
        told.append(words("wave.more_channels", n=n_more))
    return words("index.comma").join(told)


def _message_lines(message: Message, key: str, words: Words, *, name: int, quote: int) -> list[str]:
    head = words(
        key,
        author=named(message.author_name, budget=name) or words("answer.no_name"),
        channel=f"<#{message.channel_id}>",
        age=discord.utils.format_dt(message.created_at, "R"),
        jump=words("answer.jump"),
        url=message.url,
    )
    return [head, f"> {quoted(message.shown, budget=quote) or words('hit.no_text')}"]
