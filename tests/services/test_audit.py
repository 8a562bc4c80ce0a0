"""Who did what: put down without texts, and without whom it concerns."""

from datetime import UTC, datetime, timedelta

import pytest
from conftest import Rooms
from make import ADA, BOB, GUILD, OTHER_GUILD

from bot.services.audit import KEPT, SHOWN, Act, Audit, AuditLine
from bot.storage.audit import AuditStore
from bot.words import LANGUAGES, Words

OWN = (Act.FORGOT, Act.EXPORTED, Act.OPTED_OUT, Act.OPTED_IN)


@pytest.fixture
def audit(rooms: Rooms) -> Audit:
    return Audit(AuditStore(rooms.database))


async def test_acts_are_told_by_server_the_newest_first(audit: Audit) -> None:
    """With who did it, when, and what there is to be said of it."""
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    await audit.note(GUILD, Act.STARTED, actor_id=ADA, channel_id="10")
    await audit.note(OTHER_GUILD, Act.STOPPED, actor_id=BOB)
    await audit.note(GUILD, Act.FORGOT, messages=3)
    forgot, started = await audit.latest(GUILD)

    assert (forgot.act, forgot.actor_id, forgot.by, forgot.detail) == (Act.FORGOT, None, "operator", {"messages": 3})
    assert (started.act, started.actor_id, started.by) == (Act.STARTED, ADA, "manager")
    assert (started.key, started.detail) == ("started_channel", {"channel_id": "10"})
    assert before <= started.at <= forgot.at <= datetime.now(UTC)
    assert [line.guild_id for line in await audit.all()] == [GUILD, OTHER_GUILD, GUILD]
    assert await audit.all(OTHER_GUILD) == await audit.latest(OTHER_GUILD)


async def test_what_a_member_does_about_themselves_does_not_name_them(audit: Audit) -> None:
    """The line has the day and the act; neither who it was nor the hour by which that could be told."""
    await audit.note_own(GUILD, Act.OPTED_OUT)
    [line] = await audit.latest_own(GUILD)

    assert (line.actor_id, line.by, line.detail, line.key) == (None, "member", {}, "opted_out_own")
    assert (line.at.hour, line.at.minute, line.at.second, line.at.microsecond) == (0, 0, 0, 0)
    assert datetime.now(UTC) - line.at <= timedelta(days=1, minutes=1)


async def test_members_leave_a_line_a_day(rooms: Rooms, audit: Audit) -> None:
    """However many do the same, and however often, there is one line; of another server and another day are others."""
    yesterday = (datetime.now(UTC) - timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    await AuditStore(rooms.database).put(AuditLine(GUILD, yesterday, None, is_own=True, act=Act.EXPORTED, detail={}))
    for _ in range(SHOWN + 5):
        await audit.note_own(GUILD, Act.EXPORTED)
        await audit.note_own(OTHER_GUILD, Act.EXPORTED)

    assert [line.guild_id for line in await audit.all()] == [GUILD, OTHER_GUILD, GUILD]
    assert [line.at == yesterday for line in await audit.latest_own(GUILD)] == [False, True]


async def test_members_do_not_push_out_what_managers_did(rooms: Rooms, audit: Audit) -> None:
    """What was done for the whole server is told by itself, on however many days members do something of their own."""
    await audit.note(GUILD, Act.STARTED, actor_id=ADA)
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for n in range(SHOWN + 5):
        line = AuditLine(GUILD, today + timedelta(days=n), None, is_own=True, act=Act.EXPORTED, detail={})
        await AuditStore(rooms.database).put(line)

    assert [line.act for line in await audit.latest(GUILD)] == [Act.STARTED]
    assert [(line.at - today).days for line in await audit.latest_own(GUILD)] == [*range(SHOWN + 4, SHOWN - 6, -1)]


async def test_nothing_is_put_down_of_a_server_that_is_not_known(rooms: Rooms, audit: Audit) -> None:
    """Where the bot never stored anything, or all of it went, nobody's press leaves a line that nothing removes."""
    await audit.note_own(GUILD, Act.EXPORTED)
    await rooms.servers.forget(GUILD)
    for guild_id in (GUILD, 12345):
        await audit.note_own(guild_id, Act.EXPORTED)
        await audit.note(guild_id, Act.STOPPED, actor_id=ADA)

    assert [(line.guild_id, line.act) for line in await audit.all()] == [(GUILD, Act.PURGED)]


async def test_where_it_stands_tells_nothing_of_a_members_act(audit: Audit) -> None:
    """Members' acts are the first of their day, in an order of their own, wherever they came between the others."""
    await audit.note(GUILD, Act.STARTED, actor_id=ADA)
    for act in (Act.OPTED_OUT, Act.EXPORTED):
        await audit.note_own(GUILD, act)
    await audit.note(GUILD, Act.PAUSED, actor_id=ADA)
    await audit.note_own(GUILD, Act.FORGOT)

    told = [Act.PAUSED, Act.STARTED, Act.EXPORTED, Act.FORGOT, Act.OPTED_OUT]
    assert [line.act for line in await audit.all(GUILD)] == told
    assert [line.act for line in await audit.all()] == told
    assert [line.act for line in await audit.latest_own(GUILD)] == told[2:]


async def test_administrators_are_shown_the_last_twenty(audit: Audit) -> None:
    """The operator reads them all."""
    for n in range(SHOWN + 5):
        await audit.note(GUILD, Act.FRESHENED, actor_id=ADA, days=n)

    assert [line.detail["days"] for line in await audit.latest(GUILD)] == [*range(SHOWN + 4, 4, -1)]
    assert len(await audit.all(GUILD)) == SHOWN + 5


async def test_lines_are_kept_for_a_year(rooms: Rooms, audit: Audit) -> None:
    """A line that is older goes, one that is younger stays."""
    now = datetime.now(UTC)
    for at in (now - KEPT - timedelta(minutes=1), now - KEPT + timedelta(minutes=1)):
        line = AuditLine(GUILD, at, ADA, is_own=False, act=Act.PAUSED, detail={})
        await AuditStore(rooms.database).put(line)
    await audit.forget_old()

    [line] = await audit.all()
    assert line.at > now - KEPT


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_act_has_its_words(language: str) -> None:
    """Those of managers and of the operator, those about a channel, and those of members about themselves."""
    lines = [AuditLine(1, datetime.now(UTC), 1, is_own=False, act=act, detail={}) for act in Act]
    lines += [AuditLine(1, datetime.now(UTC), None, is_own=True, act=act, detail={}) for act in OWN]
    for act in (Act.STARTED, Act.STOPPED, Act.SUGGESTED, Act.UNSUGGESTED, Act.WATCHED):
        lines.append(AuditLine(1, datetime.now(UTC), 1, is_own=False, act=act, detail={"channel_id": "1"}))
    words = Words(language)
    values = {"channel": "#1", "messages": 1, "days": 1, "kind": "voice", "percent": 1, "dollars": 1.0}
    told = [words.act(line.key, **values) for line in lines]

    assert len(set(told)) == len(lines)
