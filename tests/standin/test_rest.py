"""REST: history, messages and threads, asked as curl would and through discord.py."""

from datetime import UTC, datetime, timedelta

import discord
import pytest

from standin.clients import running
from standin.conftest import Raw, Town
from standin.contract import NoContract, published

VIEW, READ_BACK, SEND = 1 << 10, 1 << 16, 1 << 11


def ids(messages: list[dict]) -> list[int]:
    return [int(message["id"]) for message in messages]


async def test_the_content_type_is_exactly_what_clients_compare_with(raw: Raw) -> None:
    """Nothing follows application/json; limits are told in headers."""
    status, _ = await raw.ask("GET", "/users/@me")
    assert (status, raw.headers["Content-Type"]) == (200, "application/json")
    limits = [name for name in raw.headers if name.startswith("X-RateLimit-")]
    assert sorted(name.removeprefix("X-RateLimit-") for name in limits) == [
        "Bucket",
        "Limit",
        "Remaining",
        "Reset",
        "Reset-After",
    ]


async def test_history_is_newest_first_whatever_is_asked(town: Town, raw: Raw) -> None:
    """`after` gives the nearest ones after, `before` the nearest before, `around` both; 50 unless told."""
    seeded = [message.id for message in town.channel.seed(town.alice, 120)]
    path = f"/channels/{town.channel.id}/messages"

    async def page(**query: int) -> list[int]:
        return ids((await raw.ask("GET", path, **query))[1])

    assert await page() == seeded[:-51:-1]
    assert await page(limit=100) == seeded[:-101:-1]
    assert await page(after=seeded[9], limit=5) == seeded[10:15][::-1]
    assert await page(before=seeded[9], limit=5) == seeded[4:9][::-1]
    assert await page(around=seeded[50], limit=5) == seeded[48:53][::-1]
    assert await page(after=seeded[-1]) == []
    assert await page(after=0, limit=2) == seeded[:2][::-1]


@pytest.mark.parametrize(
    ("allowed", "is_ringing"),
    [({}, True), ({"allowed_mentions": {"parse": []}}, False), ({"allowed_mentions": {"replied_user": True}}, True)],
)
async def test_a_reply_tells_whom_it_answers_unless_that_is_left_out(town: Town, raw: Raw, allowed, is_ringing) -> None:
    """Without a word on mentions it does, with one only where it says so."""
    asked = await town.channel.post(town.alice, "when")
    body = {"content": "now", "message_reference": {"message_id": str(asked.id)}, **allowed}
    _, told = await raw.ask("POST", f"/channels/{town.channel.id}/messages", body)

    [*_, sent] = town.channel.messages
    assert (told["type"], sent.reply_to, sent.is_ringing) == (19, asked, is_ringing)


async def test_a_reply_to_what_is_gone_is_refused_unless_that_is_allowed_for(town: Town, raw: Raw) -> None:
    """Then it is a message like any other."""
    path, reference = f"/channels/{town.channel.id}/messages", {"message_id": "1"}
    status, told = await raw.ask("POST", path, {"content": "now", "message_reference": reference})
    assert (status, told["code"]) == (400, 50035)

    reference = {"message_id": 1, "fail_if_not_exists": False}  # as discord.py sends ids
    _, told = await raw.ask("POST", path, {"content": "now", "message_reference": reference})
    assert told["type"] == 0
    assert "message_reference" not in told


async def test_backdated_messages_stand_where_they_belong(town: Town, raw: Raw) -> None:
    """Ids hold the time, and the history is in their order."""
    new = await town.channel.post(town.alice, "new")
    old = await town.channel.post(town.alice, "old", at=datetime(2020, 1, 1, tzinfo=UTC))
    _, messages = await raw.ask("GET", f"/channels/{town.channel.id}/messages")
    assert ids(messages) == [new.id, old.id]
    assert messages[1]["timestamp"].startswith("2020-01-01T00:00:00")
    assert discord.utils.snowflake_time(old.id).year == 2020


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 101}, {"before": 1, "after": 2}, {"first": 1}])
async def test_a_bad_question_for_history_is_refused(town: Town, raw: Raw, query: dict) -> None:
    """Limits beyond 1 to 100, two directions and unknown parameters are 50035 and a violation."""
    if "first" in query and isinstance(published(), NoContract):
        pytest.skip("Discord's OpenAPI file is not here")
    status, body = await raw.ask("GET", f"/channels/{town.channel.id}/messages", **query)
    assert (status, body["code"]) == (400, 50035)
    assert len(town.discord.violations) == 1
    town.discord.violations.clear()


async def test_what_the_bot_may_decides_what_it_reads(town: Town, raw: Raw) -> None:
    """Unseen is 50001, unreadable is an empty history, read-only is 50013, gone is 10003."""
    path = f"/channels/{town.channel.id}/messages"
    message = await town.channel.post(town.alice, "x")
    await town.channel.overwrite(town.guild.everyone, deny=READ_BACK)
    assert await raw.ask("GET", path) == (200, [])
    assert (await raw.ask("GET", f"{path}/{message.id}"))[1]["code"] == 50013
    await town.channel.overwrite(town.guild.everyone, deny=SEND)
    assert (await raw.ask("POST", path, {"content": "x"}))[1]["code"] == 50013
    await town.channel.overwrite(town.guild.everyone, deny=VIEW)
    assert (await raw.ask("GET", path))[1]["code"] == 50001
    assert (await raw.ask("GET", f"/channels/{town.channel.id}"))[0] == 403
    await town.channel.delete()
    assert (await raw.ask("GET", path))[1]["code"] == 10003
    await town.guild.remove_bot()
    assert (await raw.ask("GET", f"/guilds/{town.guild.id}"))[1]["code"] == 50001


async def test_voice_needs_connect_and_forums_hold_no_messages(town: Town, raw: Raw) -> None:
    """A voice channel's text is closed to who may not connect; a forum has posts only."""
    voice = town.guild.voice("lounge", overwrites={town.guild.everyone: (0, discord.Permissions(connect=True))})
    forum = town.guild.forum("help")
    assert (await raw.ask("GET", f"/channels/{voice.id}/messages"))[1]["code"] == 50001
    assert (await raw.ask("GET", f"/channels/{voice.id}"))[0] == 200
    assert (await raw.ask("POST", f"/channels/{forum.id}/messages", {"content": "x"}))[1]["code"] == 50008


async def test_own_messages_can_be_changed_and_others_only_deleted(town: Town, raw: Raw) -> None:
    """Editing another's is 50005, deleting another's takes a permission."""
    path = f"/channels/{town.channel.id}/messages"
    theirs = await town.channel.post(town.alice, "theirs")
    _, own = await raw.ask("POST", path, {"content": "own"})
    assert (await raw.ask("PATCH", f"{path}/{own['id']}", {"content": "new"}))[1]["content"] == "new"
    assert town.channel.find(int(own["id"])).content == "new"
    assert (await raw.ask("PATCH", f"{path}/{theirs.id}", {"content": "new"}))[1]["code"] == 50005
    assert (await raw.ask("DELETE", f"{path}/{theirs.id}"))[1]["code"] == 50013
    assert (await raw.ask("DELETE", f"{path}/{own['id']}"))[0] == 204
    assert (await raw.ask("GET", f"{path}/{own['id']}"))[1]["code"] == 10008
    role = town.guild.role("Moderators", permissions=discord.Permissions(manage_messages=True))
    await town.guild.give(town.discord.bot, role)
    assert (await raw.ask("DELETE", f"{path}/{theirs.id}"))[0] == 204


async def test_threads_are_listed_by_kind_and_right(town: Town, raw: Raw) -> None:
    """Active, archived public, archived private and joined private threads, each in its order."""
    base = datetime(2024, 1, 1, tzinfo=UTC)
    active = await town.channel.thread("active", by=town.alice)
    hidden = await town.channel.thread("hidden", by=town.alice, private=True)
    public = [await town.channel.thread(f"p{n}", by=town.alice) for n in range(3)]
    private = [await town.channel.thread(f"s{n}", by=town.alice, private=True) for n in range(2)]
    for n, thread in enumerate((*public, *private)):
        await thread.archive(at=base + timedelta(days=n))
    await private[0].add(town.discord.bot)

    async def listed(path: str, **query: str) -> list[str]:
        status, body = await raw.ask("GET", path, **query)
        return [thread["name"] for thread in body["threads"]] if status == 200 else body["code"]

    of_channel = f"/channels/{town.channel.id}"
    assert await listed(f"/guilds/{town.guild.id}/threads/active") == ["active"]
    assert await listed(f"{of_channel}/threads/archived/public") == ["p2", "p1", "p0"]
    before = public[2].archived_at.isoformat()
    assert await listed(f"{of_channel}/threads/archived/public", before=before) == ["p1", "p0"]
    assert await listed(f"{of_channel}/threads/archived/private") == 50013
    assert await listed(f"{of_channel}/users/@me/threads/archived/private") == ["s0"]
    assert (await raw.ask("GET", f"/channels/{hidden.id}"))[1]["code"] == 50001
    assert (await raw.ask("GET", f"/channels/{active.id}/thread-members/{town.alice.id}"))[0] == 200
    assert (await raw.ask("GET", f"/channels/{active.id}/thread-members/{town.bob.id}"))[1]["code"] == 10007
    role = town.guild.role("Moderators", permissions=discord.Permissions(manage_threads=True))
    await town.guild.give(town.discord.bot, role)
    assert await listed(f"{of_channel}/threads/archived/private") == ["s1", "s0"]
    assert await listed(f"/guilds/{town.guild.id}/threads/active") == ["hidden", "active"]


async def test_discord_py_pages_through_archived_threads(town: Town) -> None:
    """Its iterator finds all of them over several pages."""
    for n in range(7):
        thread = await town.channel.thread(f"t{n}", by=town.alice)
        await thread.archive(at=datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=n))
    async with running(town.discord) as client:
        channel = await client.fetch_channel(town.channel.id)
        names = [thread.name async for thread in channel.archived_threads(limit=None)]
        few = [thread.name async for thread in channel.archived_threads(limit=3)]
    assert names == [f"t{n}" for n in reversed(range(7))]
    assert few == ["t6", "t5", "t4"]


async def test_a_thread_starts_from_a_message_or_alone(town: Town, raw: Raw) -> None:
    """From a message it has that message's id; system messages tell of both, and writing opens it again."""
    message = await town.channel.post(town.alice, "start")
    thread = await town.channel.thread("from a message", by=town.bob, message=message)
    await town.channel.thread("alone", by=town.bob)
    assert thread.id == message.id
    assert [m.type for m in town.channel.messages] == [0, 18]
    assert [m.type for m in thread.messages] == [21]
    _, shown = await raw.ask("GET", f"/channels/{town.channel.id}/messages/{message.id}")
    assert (shown["thread"]["name"], shown["flags"] & 32) == ("from a message", 32)
    await thread.archive()
    await thread.post(town.alice, "more")
    assert not thread.is_archived
    assert set(thread.members) == {town.alice.id, town.bob.id}


async def test_unknown_routes_are_violations(town: Town, raw: Raw) -> None:
    """A route that is not there is named, whatever it answers."""
    assert (await raw.ask("GET", "/channels/1/pins"))[0] == 404
    assert town.discord.violations == ["unknown route: GET /api/v10/channels/1/pins"]
    town.discord.violations.clear()


async def test_a_wrong_token_is_refused(town: Town, raw: Raw) -> None:
    """It is an answer, 401, and no violation."""
    address = f"{town.discord.url}/api/v10/users/@me"
    async with raw.session.get(address, headers={"Authorization": "Bot wrong"}) as answer:
        assert answer.status == 401


async def test_a_body_that_is_no_json_is_refused(town: Town, raw: Raw) -> None:
    """It is 50109 and a violation."""
    address = f"{town.discord.url}/api/v10/channels/{town.channel.id}/messages"
    async with raw.session.post(address, data="{", headers={"Authorization": f"Bot {town.discord.token}"}) as answer:
        assert (await answer.json())["code"] == 50109
    town.discord.violations.clear()


async def test_every_route_answers_what_the_contract_says(town: Town, raw: Raw) -> None:
    """Reading everything there is leaves no violation."""
    await town.channel.post(town.alice, f"hello {town.bob.mention}", snapshots=["forwarded"])
    await town.channel.post(town.alice, "hook", webhook=True)
    guild, channel = f"/guilds/{town.guild.id}", f"/channels/{town.channel.id}"
    for path in (
        "/users/@me",
        f"/users/{town.alice.id}",
        "/users/@me/guilds",
        "/applications/@me",
        "/oauth2/applications/@me",
        "/gateway",
        "/gateway/bot",
        guild,
        f"{guild}/channels",
        f"{guild}/roles",
        f"{guild}/members/{town.bob.id}",
        channel,
        f"{channel}/messages",
    ):
        assert (await raw.ask("GET", path))[0] == 200, path
    assert (await raw.ask("POST", f"{channel}/typing"))[0] == 204
    assert (await raw.ask("GET", f"{guild}/members/1"))[1]["code"] == 10007
    assert (await raw.ask("GET", "/guilds/1"))[1]["code"] == 10004


async def test_files_are_taken(town: Town) -> None:
    """A message with a file has it as an attachment."""
    async with running(town.discord) as client:
        channel = await client.fetch_channel(town.channel.id)
        await channel.send("see", file=discord.File(__file__, "test.py"))
    [message] = town.channel.messages
    assert message.attachments[0]["filename"] == "test.py"


async def test_own_guilds_are_listed_in_order(town: Town) -> None:
    """discord.py pages through them."""
    for n in range(3):
        town.discord.guild(f"g{n}", owner=town.alice)
    town.discord.guild("not mine", owner=town.alice, bot_is_member=False)
    async with running(town.discord) as client:
        names = [guild.name async for guild in client.fetch_guilds(limit=None)]
    assert names == ["Town", "g0", "g1", "g2"]
