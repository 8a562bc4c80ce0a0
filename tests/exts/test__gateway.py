"""An event that cannot be read costs itself alone."""

import asyncio
from typing import Any

import pytest
from live import eventually
from town import Town, shown

from bot.exts._gateway import survive_parsers

SECRET = "what somebody wrote"


class Lost:
    """Remembers of which servers events were lost."""

    def __init__(self) -> None:
        self.guild_ids: list[int | None] = []

    def __call__(self, event: str, guild_id: int | None) -> None:
        self.guild_ids.append(guild_id)


def broken(data: Any) -> None:
    raise KeyError(f"{SECRET} {data}")


@pytest.mark.parametrize(
    ("event", "data", "guild_id"),
    [
        ("MESSAGE_CREATE", {"id": "7", "guild_id": "1000", "content": SECRET}, 1000),
        ("MESSAGE_CREATE", {"id": "7", "content": SECRET}, None),
        ("GUILD_UPDATE", {"id": "1000", "name": SECRET}, 1000),
        ("GUILD_ROLE_UPDATE", {"guild_id": "1000", "role": {"id": "7"}}, 1000),
        ("CHANNEL_UPDATE", {"id": "7", "guild_id": "1000"}, 1000),
        ("MESSAGE_CREATE", {"guild_id": "a thousand"}, None),
        ("MESSAGE_CREATE", {"guild_id": None}, None),
        ("GUILD_CREATE", {}, None),
        *[(event, data, None) for event in ("GUILD_CREATE", "MESSAGE_CREATE") for data in (None, 7, "words", [1])],
    ],
)
def test_a_parser_that_raises_is_survived_and_its_server_told(event, data, guild_id, caplog) -> None:
    """Whatever came, the client lives, the loss is told with its server, and the log holds nothing of the data."""
    parsers, lost = {event: broken}, Lost()
    survive_parsers(parsers, lost)
    for _ in range(2):
        assert parsers[event](data) is None

    assert lost.guild_ids == [guild_id] * 2
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]
    first, second = (record.getMessage() for record in caplog.records)
    assert event in first
    assert "KeyError" in first
    assert ("1" in first, "2" in second) == (True, True)
    assert SECRET not in caplog.text


def test_a_parser_that_works_is_left_as_it_is(caplog) -> None:
    """What can be read goes through unchanged, and nothing is logged."""
    seen, lost = [], Lost()
    parsers = {"MESSAGE_CREATE": seen.append}
    survive_parsers(parsers, lost)
    parsers["MESSAGE_CREATE"]({"id": "7"})

    assert (seen, lost.guild_ids, caplog.records) == ([{"id": "7"}], [], [])


def test_ready_still_raises() -> None:
    """Without READY nothing works, so its failure is not survived."""
    parsers, lost = {"READY": broken}, Lost()
    survive_parsers(parsers, lost)

    with pytest.raises(KeyError):
        parsers["READY"]({})
    assert lost.guild_ids == []


async def test_f15_a_message_that_was_told_brokenly_is_read_all_the_same(town: Town) -> None:
    """The bot lives on after a MESSAGE_CREATE that cannot be read, and soon has that message from the history."""
    await town.index()
    await town.square.post(town.bob, "before")
    await town.stored("before")
    [told] = town.square.seed(town.bob, [SECRET])
    n_lost, n_requests = town.bot.said.count("lost"), len(town.discord.requests)

    town.discord.send_raw(
        "MESSAGE_CREATE", {"guild_id": str(town.guild.id), "channel_id": str(town.square.id), "id": str(told.id)}
    )
    await town.stored("before", SECRET)
    # The slow comparison would find it too, some day; the list of threads may be asked for after the channel's page.
    threads = "/guilds/{guild_id}/threads/active"
    listed = lambda: town.discord.asked("GET", threads, since=n_requests)  # noqa: E731
    await eventually(lambda: any(str(town.guild.id) in request.path for request in listed()))
    await town.square.post(town.bob, "after")
    await town.stored("before", SECRET, "after")
    await eventually(lambda: town.bot.said.count("lost") > n_lost)
    assert SECRET not in town.bot.said


async def test_f15_a_deletion_that_was_told_brokenly_is_not_shown(town: Town) -> None:
    """After an event that cannot be read Discord is asked again whether what is found is still there."""
    await town.index()
    gone = await town.square.post(town.bob, "the harbour freezes in January")
    await town.stored(gone.content)
    await town.settled()
    route = "/channels/{channel_id}/messages/{message_id}"
    n_asked = lambda: len(town.discord.asked("GET", route, channel=town.square))  # noqa: E731
    await town.similar(town.ada, "ice in the port")
    n_before = n_asked()
    assert "harbour" in shown(await town.similar(town.ada, "ice in the port"))
    assert n_asked() == n_before

    # So that no page is compared before the question.
    town.discord.fail("GET", "/channels/{channel_id}/messages", channel=town.square, delay=3, times=9)
    town.square.take_out(gone)
    town.discord.send_raw("MESSAGE_DELETE", {"guild_id": str(town.guild.id), "channel_id": str(town.square.id)})
    assert "harbour" not in shown(await town.similar(town.ada, "ice in the port"))
    assert n_asked() == n_before + 1
    town.discord.faults.clear()


@pytest.mark.parametrize("event", ["CHANNEL_UPDATE", "GUILD_ROLE_UPDATE"])
async def test_where_permissions_were_told_brokenly_nobody_is_shown_anything(town: Town, event) -> None:
    """What a channel or role allows now is not known, so nothing is shown until the server is told of anew."""
    await town.index()
    await town.square.post(town.ada, "the harbour freezes in January")
    await town.stored("the harbour freezes in January")
    await town.settled()
    n_lost = town.bot.said.count(event)

    told = {"id": str(town.square.id), "type": 0, "name": "square", "position": "x", "permission_overwrites": [{}]}
    town.discord.send_raw(event, {"guild_id": str(town.guild.id), "role": {"id": str(town.guild.id)}, **told})
    await eventually(lambda: town.bot.said.count(event) > n_lost)
    assert "harbour" not in shown(await town.similar(town.bob, "ice in the port"))
    await town.guild.outage()
    await town.guild.recover()
    assert "harbour" in shown(await town.similar(town.ada, "ice in the port"))


async def test_a_server_that_was_told_brokenly_loses_nothing(town: Town) -> None:
    """Half a server in the cache is none: that channels are missing there deletes nothing, and others go on."""
    await town.index()
    await town.square.post(town.bob, "the harbour freezes in January")
    await town.stored("the harbour freezes in January")
    broken = {"id": str(town.guild.id), "unavailable": False, "name": "Town", "roles": [{"id": "no number"}]}
    n_lost = town.bot.said.count("GUILD_CREATE")
    town.discord.send_raw("GUILD_CREATE", {**broken, "channels": [], "members": []})
    await eventually(lambda: town.bot.said.count("GUILD_CREATE") > n_lost)
    await town.square.rename("plaza")
    await asyncio.sleep(1)

    assert town.bot.texts(town.guild.id) == ["the harbour freezes in January"]
    assert not town.bot.rows("SELECT 1 FROM tombstones WHERE guild_id = ?", town.guild.id)
