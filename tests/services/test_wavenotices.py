"""What is told of waves, and to whom."""

import pytest
from conftest import Rooms
from fakes import AsStored
from make import GUILD, OTHER_GUILD
from watching import MARKET, PEOPLE, SQUARE, Watched, watched_server

from bot.askers import Audience, Member
from bot.errors import WaveGone

SPAM = [f"free nitro for all of you at gift dot example {n}" for n in range(24)]
ALL, SOME = frozenset({SQUARE, MARKET}), frozenset({MARKET})


@pytest.fixture
async def town(rooms: Rooms) -> Watched:
    """A server where a wave was found, half of it in each of two channels."""
    town = await watched_server(rooms)
    await town.say(SPAM, where=(SQUARE, MARKET))
    return town


async def test_a_notice_tells_what_all_may_read(town: Watched) -> None:
    """Counts, people, channels and the example are those of the channels that everyone may read."""
    [wave] = await town.notices.to_draw()
    told = await town.notices.told(wave, Audience(GUILD, ALL))
    assert (told.extent.n_messages, told.extent.n_accounts, told.is_empty) == (24, 4, False)
    assert told.example.message.content == SPAM[0]

    told = await town.notices.told(wave, Audience(GUILD, SOME))
    assert (told.extent.n_messages, told.extent.n_accounts, told.extent.channel_ids) == (12, 2, (MARKET,))
    assert told.example.message.content == SPAM[1]

    told = await town.notices.told(wave, Audience(GUILD, frozenset()))
    assert (told.extent, told.example, told.is_empty) == (None, None, False)


async def test_pages_have_what_the_asker_may_read(town: Watched) -> None:
    """The latest first, ten a page; what lies elsewhere is neither shown nor counted."""
    [wave] = await town.notices.to_draw()
    history = AsStored(town.rooms.messages)
    asker = Member(GUILD, PEOPLE[0], SOME)

    page = await town.notices.page(asker, wave.wave_id, 0, history=history)
    assert [stored.message.content for stored in page.shown] == SPAM[23:3:-2]
    assert (page.n_more, page.n_unknown, page.channel_ids) == (2, 0, SOME)
    page = await town.notices.page(asker, wave.wave_id, 10, history=history)
    assert [stored.message.content for stored in page.shown] == [SPAM[3], SPAM[1]]
    assert page.n_more == 0
    assert page.seen_by(Member(GUILD, PEOPLE[0], frozenset())).shown == ()


async def test_permissions_that_change_have_notices_drawn_anew(town: Watched) -> None:
    """Notices that are posted are due again."""
    [wave] = await town.notices.to_draw()
    await town.notices.drawn(wave, 900)
    assert await town.notices.to_draw() == []

    town.notices.permissions_changed(GUILD)
    assert [each.notice_id for each in await town.notices.to_draw()] == [900]


async def test_what_is_gone_cannot_be_acted_on(town: Watched) -> None:
    """A wave of another server, or one without messages, is refused."""
    [wave] = await town.notices.to_draw()
    with pytest.raises(WaveGone):
        await town.notices.dismiss(OTHER_GUILD, wave.wave_id)
    with pytest.raises(WaveGone):
        await town.notices.page(
            Member(OTHER_GUILD, PEOPLE[0], ALL), wave.wave_id, 0, history=AsStored(town.rooms.messages)
        )

    await town.rooms.ingest.deleted(GUILD, await town.store.member_ids(GUILD))
    with pytest.raises(WaveGone):
        await town.notices.ignore(GUILD, wave.wave_id)
    assert (await town.notices.told(wave, Audience(GUILD, ALL))).is_empty


async def test_a_deleted_notice_dismisses_its_wave(town: Watched) -> None:
    """It is not posted again, however the wave grows."""
    [wave] = await town.notices.to_draw()
    await town.notices.drawn(wave, 900)
    await town.notices.gone(wave)
    await town.say(SPAM[:3])

    assert await town.notices.to_draw() == []
    assert [(each.state, each.notice_id) for each in await town.notices.latest(GUILD, limit=5)] == [("dismissed", None)]


async def judged(town: Watched) -> list[tuple[int, str]]:
    return await town.rooms.database.fetch("SELECT percent, verdict FROM verdicts WHERE subject = 'waves'")


async def test_a_dismissed_wave_is_a_verdict(town: Watched) -> None:
    """With how near its messages lie to the one that leads it; that is far from any text, and said once."""
    [wave] = await town.notices.to_draw()
    await town.notices.dismiss(GUILD, wave.wave_id)
    [(percent, verdict)] = await judged(town)
    assert verdict == "dismissed"
    assert 75 <= percent <= 100

    await town.notices.dismiss(GUILD, wave.wave_id)
    assert len(await judged(town)) == 1


async def test_a_wave_that_helped_is_a_verdict(town: Watched) -> None:
    """Once, whatever is pressed afterwards; the notice goes on as before."""
    [wave] = await town.notices.to_draw()
    await town.notices.drawn(wave, 900)
    assert [await town.notices.helped(GUILD, wave.wave_id) for _ in range(2)] == [True, False]
    [again] = await town.notices.to_draw()
    assert (again.state, again.is_judged) == ("open", True)

    await town.notices.dismiss(GUILD, wave.wave_id)
    assert [verdict for _, verdict in await judged(town)] == ["helped"]


async def test_of_what_is_gone_nothing_is_learned(town: Watched) -> None:
    """A wave whose messages are gone can be dismissed, and is no verdict."""
    [wave] = await town.notices.to_draw()
    await town.rooms.ingest.deleted(GUILD, await town.store.member_ids(GUILD))
    await town.notices.dismiss(GUILD, wave.wave_id)

    assert await judged(town) == []


async def test_an_ignored_kind_is_no_verdict(town: Watched) -> None:
    """It is known by what it says, and a higher threshold would not keep it out."""
    [wave] = await town.notices.to_draw()
    await town.notices.ignore(GUILD, wave.wave_id)

    assert await judged(town) == []
