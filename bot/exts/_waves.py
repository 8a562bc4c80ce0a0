"""Posts the notices of waves, and edits them as waves grow, end, or lose what was deleted or closed to others."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

import discord

from bot.askers import Audience
from bot.exts._convert import Place
from bot.exts._failures import FAILED
from bot.exts._history import Readable
from bot.exts._shares import where
from bot.exts._wave_render import notice_embed, notice_view
from bot.services.wavenotices import Told, Wave, WaveNotices, WaveState
from bot.services.waves import Waves
from bot.words import Words

log = logging.getLogger(__name__)

AudienceOf = Callable[[Place], Awaitable[Audience]]

_LOOKED_EVERY_S = 2.0  # for what was deleted meanwhile
_EDITED_EVERY_S = 3.0
_RETRY_S = 60.0  # after which a notice that Discord refused is tried again


@dataclass(frozen=True, slots=True)
class _Drawn:
    """When a notice may be drawn again, in monotonic seconds, and the state that it shows."""

    again_at: float
    state: WaveState | None


async def keep_notices_true(
    client: discord.Client, notices: WaveNotices, waves: Waves, audience_of: AudienceOf
) -> None:
    """Post and edit notices whenever some are due, until cancelled."""
    drawn: dict[int, _Drawn] = {}
    await client.wait_until_ready()
    while True:
        waves.has_news.clear()
        now = time.monotonic()
        drawn = {wave_id: one for wave_id, one in drawn.items() if one.again_at > now}
        for wave in await notices.to_draw():
            # What a moderator has said is shown at once.
            if wave.wave_id in drawn and drawn[wave.wave_id].state in (wave.state, None):
                continue
            drawn[wave.wave_id] = await _draw(client, notices, audience_of, wave)
        with suppress(TimeoutError):
            await asyncio.wait_for(waves.has_news.wait(), _LOOKED_EVERY_S)


async def _draw(client: discord.Client, notices: WaveNotices, audience_of: AudienceOf, wave: Wave) -> _Drawn:
    """Have a notice show a wave as it is now."""
    try:
        here = await where(client, wave)
        if here is not None:
            told = await notices.told(wave, await audience_of(here))
            await _put(notices, here, told)
            return _Drawn(time.monotonic() + _EDITED_EVERY_S, wave.state)
    except FAILED as error:
        log.warning("the notice of wave %d is not as it should be: %s", wave.wave_id, error)
    return _Drawn(time.monotonic() + _RETRY_S, None)


async def _put(notices: WaveNotices, here: Readable, told: Told) -> None:
    """Post a notice, or edit it; one that was deleted is not posted again."""
    wave, words = told.wave, Words(told.wave.language)
    embed, view = notice_embed(told, words), notice_view(told, words)
    view.stop()  # discord.py would keep it, and hear its buttons beside those that know what to do
    if wave.notice_id is not None:
        try:
            await here.get_partial_message(wave.notice_id).edit(embed=embed, view=view)
        except discord.NotFound:
            await notices.gone(wave)
        else:
            await notices.drawn(wave, wave.notice_id)
    elif told.is_empty:
        await notices.gone(wave)
    else:
        sent = await here.send(embed=embed, view=view)
        await notices.drawn(wave, sent.id)
