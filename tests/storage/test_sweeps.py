"""How far each channel was compared, and what a comparison needs to know."""

from datetime import timedelta

import pytest
from conftest import Rooms
from make import CHANNEL, GUILD, OTHER_CHANNEL, OTHER_GUILD, channel, message, server, utc

from bot.storage.sweeps import Sweep, SweepStore

EARLY = utc("2024-01-01T00:00:00")
LATE = EARLY + timedelta(days=1)
THIRD = 30


@pytest.fixture
async def sweeps(rooms: Rooms) -> SweepStore:
    """Three channels with a message each, and one of another server under the same id."""
    for n, channel_id in enumerate((CHANNEL, OTHER_CHANNEL, THIRD), start=1):
        await rooms.ingest.met(server(), channel(channel_id))
        await rooms.ingest.saved(GUILD, [message(n, channel_id=channel_id)])
    await rooms.ingest.saved(OTHER_GUILD, [message(9, guild_id=OTHER_GUILD)])
    return rooms.sweeps


async def of(sweeps: SweepStore, channel_id: int = CHANNEL) -> Sweep:
    return next(sweep for sweep in await sweeps.of_server(GUILD) if sweep.channel_id == channel_id)


async def test_a_sweep_goes_down_and_ends(sweeps: SweepStore) -> None:
    """On its way it is known where and since when; at the end, when the whole of it began; then it may begin anew."""
    assert await of(sweeps) == Sweep(CHANNEL)
    for reached_id in (900, 500):
        await sweeps.went_on(GUILD, CHANNEL, reached_id=reached_id, began_at=EARLY)
        assert await of(sweeps) == Sweep(CHANNEL, reached_id=reached_id, began_at=EARLY)
    await sweeps.went_on(GUILD, CHANNEL, reached_id=0, began_at=EARLY)
    assert await of(sweeps) == Sweep(CHANNEL, done_at=EARLY)

    await sweeps.went_on(GUILD, CHANNEL, reached_id=700, began_at=LATE)
    assert await of(sweeps) == Sweep(CHANNEL, reached_id=700, began_at=LATE, done_at=EARLY)
    await sweeps.went_on(GUILD, CHANNEL, reached_id=0, began_at=LATE)
    assert await of(sweeps) == Sweep(CHANNEL, done_at=LATE)


async def test_a_sweep_may_end_with_its_first_page(sweeps: SweepStore) -> None:
    """A short channel is whole at once."""
    await sweeps.went_on(GUILD, CHANNEL, reached_id=0, began_at=EARLY)

    assert await of(sweeps) == Sweep(CHANNEL, done_at=EARLY)


async def test_what_goes_on_comes_first_then_what_was_done_longest_ago(sweeps: SweepStore) -> None:
    """What was broken off is ended first; what was never done comes before what was."""

    async def order() -> list[int]:
        return [sweep.channel_id for sweep in await sweeps.of_server(GUILD)]

    await sweeps.went_on(GUILD, THIRD, reached_id=0, began_at=LATE)
    await sweeps.went_on(GUILD, OTHER_CHANNEL, reached_id=0, began_at=EARLY)
    assert await order() == [CHANNEL, OTHER_CHANNEL, THIRD]
    await sweeps.went_on(GUILD, THIRD, reached_id=5, began_at=LATE)
    assert await order() == [THIRD, CHANNEL, OTHER_CHANNEL]


async def test_servers_and_channels_stay_apart(sweeps: SweepStore) -> None:
    """A channel's sweep is its own, and a channel without messages needs none."""
    await sweeps.went_on(OTHER_GUILD, CHANNEL, reached_id=5, began_at=EARLY)

    assert {sweep.reached_id for sweep in await sweeps.of_server(GUILD)} == {None}
    assert await sweeps.of_server(OTHER_GUILD) == [Sweep(CHANNEL, reached_id=5, began_at=EARLY)]


async def test_a_channel_without_messages_has_no_sweep(rooms: Rooms) -> None:
    """Where nothing is stored there is nothing to compare."""
    assert await rooms.sweeps.of_server(GUILD) == []


async def test_nothing_is_kept_of_a_channel_that_is_gone(rooms: Rooms, sweeps: SweepStore) -> None:
    """A page that was on its way when its channel or server went leaves no row."""
    await rooms.ingest.channels_deleted(GUILD, [CHANNEL])
    await sweeps.went_on(GUILD, CHANNEL, reached_id=5, began_at=EARLY)
    await rooms.ingest.server_gone(OTHER_GUILD)
    await sweeps.went_on(OTHER_GUILD, CHANNEL, reached_id=0, began_at=EARLY)

    assert await rooms.database.fetch("SELECT * FROM sweeps") == []


async def test_a_deleted_channel_takes_its_sweep_with_it(rooms: Rooms, sweeps: SweepStore) -> None:
    """What was noted of a channel goes when it is deleted, and that of others stays."""
    for channel_id in (CHANNEL, OTHER_CHANNEL):
        await sweeps.went_on(GUILD, channel_id, reached_id=5, began_at=EARLY)
    await rooms.ingest.channels_deleted(GUILD, [CHANNEL])

    assert await rooms.database.fetch("SELECT channel_id FROM sweeps") == [(OTHER_CHANNEL,)]


async def test_bounds_and_ids_are_of_one_channel(rooms: Rooms, sweeps: SweepStore) -> None:
    """The oldest and newest message of a channel, and what lies between two ids, both included."""
    await rooms.ingest.saved(GUILD, [message(i) for i in (5, 7, 8)])
    await rooms.ingest.saved(GUILD, [message(6, channel_id=OTHER_CHANNEL)])

    assert await sweeps.bounds(GUILD, CHANNEL) == (1, 8)
    assert await sweeps.bounds(GUILD, 999) == (0, 0)
    assert await sweeps.ids_between(GUILD, CHANNEL, oldest=5, newest=7) == {5, 7}
    assert await sweeps.ids_between(GUILD, CHANNEL, oldest=0, newest=2**63 - 1) == {1, 5, 7, 8}
    assert await sweeps.ids_between(OTHER_GUILD, CHANNEL, oldest=0, newest=8) == set()
