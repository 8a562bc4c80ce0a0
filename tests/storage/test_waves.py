"""Watches, waves and what is ignored, in their tables."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import Rooms
from make import BOB, CHANNEL, GUILD, OTHER_CHANNEL, OTHER_GUILD, channel, message, utc

from bot.askers import EVERYTHING, Scope
from bot.storage.waves import Extent, Watch, WaveState, WaveStore
from bot.vectors import unit

NOW = utc("2026-03-10T12:00:00")
WATCH = Watch(GUILD, 99, 5, 3, 10, 3, "ja")


@pytest.fixture
async def waves(rooms: Rooms) -> WaveStore:
    """A server that is watched, with three messages in two channels."""
    await rooms.ingest.saved(
        GUILD, [message(1, "one"), message(2, "two", author_id=BOB), message(3, "three", channel_id=OTHER_CHANNEL)]
    )
    store = WaveStore(rooms.database, rooms.embeddings.generation)
    await store.put_watch(WATCH)
    return store


async def begun(waves: WaveStore) -> int:
    return await waves.begin(WATCH, [1, 2, 3], last_at=NOW)


async def test_a_watch_comes_back_as_it_was(waves: WaveStore) -> None:
    """The last one of a server holds."""
    other = replace(WATCH, guild_id=OTHER_GUILD, channel_id=1)
    await waves.put_watch(other)
    await waves.put_watch(replace(WATCH, minutes=3))

    assert await waves.watches() == {GUILD: replace(WATCH, minutes=3), OTHER_GUILD: other}


async def test_a_notice_is_drawn_once_for_each_change(waves: WaveStore) -> None:
    """It is due whenever something changes, until it was drawn so; a change while it is drawn is not lost."""
    wave_id = await begun(waves)
    [wave] = await waves.to_draw()
    assert (wave.wave_id, wave.notice_id, wave.state, wave.language) == (wave_id, None, "open", "ja")
    await waves.drawn(wave, 900)
    assert await waves.to_draw() == []

    await waves.put_state(GUILD, wave_id, WaveState.DISMISSED)
    [wave] = await waves.to_draw()
    await waves.redraw(GUILD)
    await waves.drawn(wave, 900)
    [wave] = await waves.to_draw()
    assert (wave.notice_id, wave.state) == (900, "dismissed")


async def test_a_deleted_message_leaves_its_wave(rooms: Rooms, waves: WaveStore) -> None:
    """What is deleted or rewritten goes from the wave at once, and the notice is due."""
    wave_id = await begun(waves)
    await waves.drawn((await waves.to_draw())[0], 900)
    await rooms.ingest.deleted(GUILD, [1])
    assert await waves.member_ids(GUILD, wave_id) == [3, 2]
    [wave] = await waves.to_draw()
    await waves.drawn(wave, 900)

    await rooms.ingest.saved(GUILD, [message(2, "something else", author_id=BOB, edited_at=NOW)])
    assert await waves.member_ids(GUILD, wave_id) == [3]
    assert len(await waves.to_draw()) == 1


async def test_a_dismissed_wave_grows_in_silence(waves: WaveStore) -> None:
    """What joins it is remembered, and no notice is due."""
    wave_id = await waves.begin(WATCH, [1, 2], last_at=NOW)
    await waves.put_state(GUILD, wave_id, WaveState.DISMISSED)
    await waves.drawn((await waves.of_server(GUILD))[0], 900)
    await waves.grow(GUILD, wave_id, [3, 99], last_at=NOW)

    assert await waves.member_ids(GUILD) == [3, 2, 1]
    assert await waves.to_draw() == []


async def test_a_wave_whose_notice_is_gone_is_not_told_again(waves: WaveStore) -> None:
    """It counts as dismissed, and has no notice any more."""
    await begun(waves)
    [wave] = await waves.to_draw()
    await waves.drawn(wave, 900)
    await waves.drop(wave)

    await waves.redraw(GUILD)
    assert await waves.to_draw() == []
    assert [(each.state, each.notice_id) for each in await waves.of_server(GUILD)] == [("dismissed", None)]


async def test_waves_end_when_they_are_quiet(waves: WaveStore) -> None:
    """Only open ones, and only after their minutes."""
    wave_id = await begun(waves)
    await waves.end_quiet(utc("2026-03-10T12:10:00"))
    assert (await waves.wave(GUILD, wave_id)).state is WaveState.OPEN

    await waves.end_quiet(utc("2026-03-10T12:10:01"))
    assert (await waves.wave(GUILD, wave_id)).state is WaveState.OVER
    assert await waves.wave(OTHER_GUILD, wave_id) is None


async def test_the_extent_is_that_of_what_may_be_read(waves: WaveStore) -> None:
    """Messages, people and channels are counted where a scope admits them, and nowhere else."""
    await begun(waves)
    [wave] = await waves.to_draw()

    assert await waves.extent(wave, EVERYTHING) == Extent(3, 2, (CHANNEL, OTHER_CHANNEL), 1, 3)
    assert await waves.extent(wave, Scope(channel_ids=frozenset({OTHER_CHANNEL}))) == Extent(
        1, 1, (OTHER_CHANNEL,), 3, 3
    )
    assert await waves.extent(wave, Scope(channel_ids=frozenset())) is None


async def test_what_is_ignored_is_a_direction(rooms: Rooms, waves: WaveStore) -> None:
    """It comes back as nearly the same direction, belongs to the watch, and holds no text."""
    wave_id = await begun(waves)
    direction = unit(np.random.default_rng(0).standard_normal((1, rooms.embedder.dim), np.float32))
    await waves.ignore(GUILD, wave_id, direction[0])
    [kept] = unit(await waves.ignored(GUILD))
    assert float(kept @ direction[0]) > 0.999
    assert len(await waves.ignored(OTHER_GUILD)) == 0
    columns = await rooms.database.fetch("SELECT group_concat(name, ' ') FROM pragma_table_info('ignored_kinds')")
    assert columns == [("kind_id guild_id generation_id direction",)]

    assert await waves.drop_watch(GUILD)
    assert len(await waves.ignored(GUILD)) == 0
    assert not await waves.drop_watch(GUILD)


async def test_a_watch_ends_with_its_channel(rooms: Rooms, waves: WaveStore) -> None:
    """When the channel of the notices is deleted, nothing is watched and no notice is due."""
    await rooms.ingest.met((await rooms.servers.servers())[0], channel(99))
    await begun(waves)
    await rooms.ingest.channels_deleted(GUILD, [99])

    assert await waves.watches() == {}
    assert await waves.to_draw() == []
