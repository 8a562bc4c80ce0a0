"""Reading the past of a server, as Discord gives it out."""

from datetime import UTC, datetime, timedelta

import discord
import pytest
from live import eventually
from standin import Discord
from standin.channels import Channel
from town import HISTORY, VIEW, Town

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PAGES = "/channels/{channel_id}/messages"


def n_pages(told: Discord, channel: Channel) -> int:
    """How often messages of a channel were asked for."""
    return sum(
        request.route == PAGES and request.method == "GET" and f"/{channel.id}/" in request.path
        for request in told.requests
    )


async def progress_of(town: Town, *, within: float = 20) -> str:
    """Start indexing; what the message says at the end."""
    answer = await (await town.ada.slash(town.square, "index start")).answer()
    await eventually(lambda: "has been read" in answer.refresh().content, within=within)
    return answer.content


async def test_every_kind_of_place_is_read(town: Town) -> None:
    """Text, announcement, voice, forum, active and archived threads are read; private threads are not."""
    news, lounge, forum = (
        town.guild.channel(5, "news"),
        town.guild.voice("lounge"),
        town.guild.forum("help"),
    )
    for channel in (town.square, news, lounge):
        channel.seed(town.bob, [f"in {channel.name}"], start=BEGAN, step=MINUTE)
    await forum.post(town.bob, "Boiler", "in a post")
    active = await town.square.thread("active", by=town.bob)
    archived = await town.square.thread("archived", by=town.bob)
    private = await town.square.thread("private", by=town.bob, private=True)
    await private.add(town.discord.bot)
    for thread in (active, archived, private):
        thread.seed(town.bob, [f"in {thread.name}"], start=BEGAN + timedelta(days=300), step=MINUTE)
    await archived.archive()

    await progress_of(town)
    await town.stored("in square", "in news", "in lounge", "in a post", "in active", "in archived")
    kinds = dict(town.bot.rows("SELECT name, kind FROM channels WHERE guild_id = ?", town.guild.id))
    assert kinds == {
        "square": "text",
        "news": "text",
        "lounge": "voice",
        "Boiler": "thread",
        "active": "thread",
        "archived": "thread",
    }


async def test_private_threads_are_not_listed_where_none_is_wanted(town: Town) -> None:
    """Indexing a server, or a channel of it by name, asks Discord for no list of private threads."""
    await progress_of(town)
    await (await town.ada.slash(town.square, "index start", channel=town.square)).answer()
    await town.square.post(town.bob, "a word")
    await town.stored("a word")

    lists = [r for r in town.discord.requests if "archived/private" in r.path and str(town.square.id) in r.path]
    assert lists == []


async def test_history_is_read_newest_first_and_once(town: Town) -> None:
    """A history of 250 messages is three pages, and starting again asks for none of them."""
    town.square.seed(town.bob, 250, start=BEGAN, step=MINUTE)

    await progress_of(town)
    assert len(town.bot.texts(town.guild.id)) == 250
    asked = n_pages(town.discord, town.square)
    await progress_of(town)
    # The progress message itself is newer than what was read.
    assert (asked, n_pages(town.discord, town.square) - asked <= 2) == (3, True)


async def test_b28_a_message_in_a_thread_that_is_not_known_is_stored(town: Town) -> None:
    """The place of a message from a thread that the cache has forgotten is asked of Discord."""
    await town.index()
    thread = await town.square.thread("aside", by=town.bob)
    await thread.archive()
    thread.is_archived = False  # without an event, as when one was missed
    await thread.post(town.bob, "back after a long time")

    await town.stored("back after a long time")
    assert ("aside",) in town.bot.rows("SELECT name FROM channels WHERE guild_id = ?", town.guild.id)


@pytest.mark.parametrize("lost", [VIEW, HISTORY])
async def test_what_may_not_be_read_is_not_asked_for(town: Town, lost) -> None:
    """A channel without one of the two permissions costs no request, and is not taken for empty."""
    closed = town.guild.text("closed", overwrites={town.guild.everyone: (0, lost)})
    closed.seed(town.ada, ["a secret"], start=BEGAN, step=MINUTE)
    await progress_of(town)
    assert n_pages(town.discord, closed) == 0
    assert town.bot.rows("SELECT * FROM marks WHERE channel_id = ?", closed.id) == []

    await closed.overwrite(town.guild.everyone)
    await town.stored("a secret")


@pytest.mark.parametrize(("status", "code"), [(403, 50001), (404, 10003)])
async def test_f19_a_channel_that_fails_halfway_is_left_and_the_others_go_on(town: Town, status, code) -> None:
    """After one refusal a channel is not asked again, the others are read, and the message says so."""
    broken, other = town.guild.text("broken"), town.guild.text("other")
    broken.seed(town.bob, 250, start=BEGAN, step=MINUTE)
    other.seed(town.bob, ["fine"], start=BEGAN, step=MINUTE)
    town.discord.fail("GET", PAGES, status=status, code=code, channel=broken, times=100)

    said = await progress_of(town)
    town.discord.faults.clear()
    assert "1 channels could not be read" in said
    assert n_pages(town.discord, broken) == 1
    await town.stored("fine")


@pytest.mark.parametrize("fault", [{"status": 429, "scope": scope} for scope in ("user", "shared", "global")])
async def test_f18_limits_are_waited_for(town: Town, fault) -> None:
    """A 429 of any scope delays the history and loses nothing of it."""
    town.square.seed(town.bob, 150, start=BEGAN, step=MINUTE)
    town.discord.fail("GET", PAGES, channel=town.square, retry_after=0.3, times=2, **fault)

    await progress_of(town)
    assert len(town.bot.texts(town.guild.id)) == 150


async def test_f18_a_lost_connection_is_tried_again(town: Town) -> None:
    """A request that breaks off in the middle of a history delays it and loses nothing of it."""
    town.square.seed(town.bob, 250, start=BEGAN, step=MINUTE)
    town.discord.fail("GET", PAGES, channel=town.square, reset=True, times=2)

    await progress_of(town, within=30)
    assert len(town.bot.texts(town.guild.id)) == 250


async def test_a_channel_that_is_deleted_while_it_is_read_leaves_nothing(town: Town) -> None:
    """A page that was on its way when its channel was deleted is not stored."""
    other = town.guild.text("other")
    other.seed(town.bob, 250, start=BEGAN, step=MINUTE)
    town.discord.fail("GET", PAGES, channel=other, delay=0.5, times=10)
    answer = await (await town.ada.slash(town.square, "index start")).answer()
    await eventually(lambda: n_pages(town.discord, other))
    await other.delete()

    await eventually(lambda: "has been read" in answer.refresh().content)
    await town.stored()


async def test_the_progress_names_no_channel(town: Town) -> None:
    """What everyone reads of the progress holds no name of a channel that not everyone sees."""
    secret = town.private("layoffs-2027")
    secret.seed(town.ada, 250, start=BEGAN, step=MINUTE)

    assert "layoffs" not in await progress_of(town)
    assert not any("layoffs" in message.content for message in town.square.messages)


async def test_f18_a_server_fault_is_tried_again(town: Town) -> None:
    """A 502 in the middle of a history loses nothing of it."""
    town.square.seed(town.bob, 150, start=BEGAN, step=MINUTE)
    town.discord.fail("GET", PAGES, channel=town.square, status=502)

    await progress_of(town)
    assert len(town.bot.texts(town.guild.id)) == 150


async def test_f17_live_messages_during_the_history_are_stored_once(town: Town) -> None:
    """What is written, edited and deleted while the history of the same channel is read comes out right."""
    old = town.square.seed(town.bob, [f"old {n}" for n in range(300)], start=BEGAN, step=MINUTE)
    town.discord.fail("GET", PAGES, channel=town.square, delay=0.3, times=10)
    answer = await (await town.ada.slash(town.square, "index start")).answer()
    await town.square.post(town.bob, "new")
    await old[0].edit("edited while it was read")
    await old[1].delete()

    await eventually(lambda: "has been read" in answer.refresh().content)
    expected = ["edited while it was read", *(f"old {n}" for n in range(2, 300)), "new"]
    await town.stored(*expected)


async def test_progress_is_shown_at_most_every_few_seconds(town: Town) -> None:
    """A history of many quick pages edits its message once, at the end."""
    town.square.seed(town.bob, 1_500, start=BEGAN, step=MINUTE)
    await progress_of(town)

    route = "/channels/{channel_id}/messages/{message_id}"
    edits = [
        r for r in town.discord.requests if (r.method, r.route) == ("PATCH", route) and str(town.square.id) in r.path
    ]
    assert len(edits) == 1


async def test_an_unwritten_permission_of_the_bot_is_enough(town: Town) -> None:
    """The bot needs no right to write: it may read, answer, and edit its own message."""
    await town.square.overwrite(town.guild.everyone, deny=discord.Permissions(send_messages=True))
    town.square.seed(town.ada, ["a notice"], start=BEGAN, step=MINUTE)

    await progress_of(town)
    await town.stored("a notice")
