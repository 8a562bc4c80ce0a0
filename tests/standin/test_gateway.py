"""The gateway: who may connect, what reaches whom, and what happens when connections break."""

import asyncio
import json
import zlib
from typing import Any

import aiohttp
import discord
import pytest

from standin.clients import Listener, running
from standin.conftest import Raw, Town


async def next_event(websocket: aiohttp.ClientWebSocketResponse, name: str) -> Any:
    """The payload of the next event of that name; others are passed over."""
    async with asyncio.timeout(5):
        while True:
            frame = await websocket.receive_json()
            if frame.get("t") == name:
                return frame["d"]


async def close_code(websocket: aiohttp.ClientWebSocketResponse) -> int:
    """The code with which the server closes."""
    async with asyncio.timeout(5):
        while (await websocket.receive()).type not in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED):
            pass
    return websocket.close_code


CLOSES = {
    "wrong token": (lambda raw: [raw.identify(1, "wrong")], 4004),
    "second identify": (lambda raw: [raw.identify(1), raw.identify(1)], 4005),
    "invalid intents": (lambda raw: [raw.identify(1 << 40)], 4013),
    "disallowed intents": (lambda raw: [raw.identify(1 << 15)], 4014),
    "not identified": (lambda raw: [{"op": 3, "d": {}}], 4003),
    "unknown opcode": (lambda raw: [raw.identify(1), {"op": 99, "d": None}], 4001),
    "frame over 4096 bytes": (lambda raw: [{"op": 3, "d": "x" * 4096}], 4002),
    "no opcode": (lambda raw: [{"d": None}], 4002),
    "more than 120 sends a minute": (lambda raw: [{"op": 1, "d": None}] * 121, 4008),
}


@pytest.mark.parametrize("name", CLOSES)
async def test_bad_clients_are_closed_with_their_code(town: Town, raw: Raw, name: str) -> None:
    """Each mistake has the close code of the documentation."""
    frames, code = CLOSES[name]
    town.discord.disallowed_intents = {"message_content"}
    async with raw.gateway(intents=None) as websocket:
        for frame in frames(raw):
            await websocket.send_json(frame)
        assert await close_code(websocket) == code


async def test_discord_py_is_told_of_a_wrong_token_and_a_disallowed_intent(town: Town) -> None:
    """It raises what it raises with the real Discord."""
    town.discord.disallowed_intents = {"message_content"}
    with pytest.raises(discord.PrivilegedIntentsRequired):
        async with running(town.discord):
            pass
    with pytest.raises(discord.LoginFailure):
        async with running(town.discord, token="wrong"):
            pass


async def test_a_silent_client_is_closed(town: Town, raw: Raw) -> None:
    """Without heartbeats the connection ends with 4009."""
    town.discord.heartbeat_interval = 0.1
    async with raw.gateway() as websocket:
        assert await close_code(websocket) == 4009


async def test_a_client_that_hears_no_acknowledgement_resumes(town: Town) -> None:
    """A zombie connection is left by the client itself."""
    town.discord.heartbeat_interval = 0.2
    town.discord.acknowledge_heartbeats = False
    async with running(town.discord, Listener(heartbeat_timeout=0.5)) as client:
        await client.came("resumed")
        town.discord.acknowledge_heartbeats = True
    assert town.discord.identifies == 1


@pytest.mark.parametrize("code", [4000, 4009, 1001, None])
async def test_after_any_close_by_the_server_the_client_resumes(town: Town, code: int | None) -> None:
    """Whether closed with a code or lost, the session goes on."""
    async with running(town.discord) as client:
        await town.discord.drop(code)
        await town.discord.connected()
        await town.channel.post(town.alice, "back")
        await client.came("message")
    assert (town.discord.identifies, town.discord.resumes) == (1, 1)


async def test_a_test_can_wait_for_a_client_to_be_gone(town: Town) -> None:
    """Closing ends the session, and nobody is connected."""
    async with running(town.discord) as client:
        await client.close()
        await town.discord.disconnected()
    with pytest.raises(TimeoutError):
        await town.discord.connected(timeout=0.01)


async def test_opcodes_7_and_9_send_the_client_away_and_back(town: Town) -> None:
    """A reconnect and a resumable invalidation keep the session, another loses the gap."""
    async with running(town.discord) as client:
        await town.discord.reconnect()
        await town.discord.connected()
        await town.discord.invalidate(resumable=True)
        await town.discord.connected()
        assert (town.discord.identifies, town.discord.resumes) == (1, 2)
        await town.discord.invalidate()
        await town.channel.post(town.alice, "lost")
        await town.discord.connected()
        await town.channel.post(town.alice, "heard")
        [message] = await client.came("message")
    assert message.content == "heard"
    assert town.discord.identifies == 2


async def test_a_refused_resume_makes_the_client_identify(town: Town) -> None:
    """What it missed does not come back."""
    async with running(town.discord) as client:
        town.discord.refuse_resume = True
        await town.discord.drop()
        await town.channel.post(town.alice, "lost")
        await town.discord.connected()
        await town.channel.post(town.alice, "heard")
        [message] = await client.came("message")
    assert (message.content, town.discord.identifies, town.discord.resumes) == ("heard", 2, 1)


async def test_a_session_that_its_client_closed_cannot_be_resumed(town: Town, raw: Raw) -> None:
    """Code 1000 ends it; any other leaves it for a while."""
    for code, answer in ((1000, 9), (4000, 0)):
        async with raw.gateway() as websocket:
            [session] = town.discord.gateway.sessions
            await websocket.close(code=code)
        async with raw.gateway(intents=None) as websocket:
            resume = {"token": town.discord.token, "session_id": session, "seq": 1}
            await websocket.send_json({"op": 6, "d": resume})
            assert (await websocket.receive_json())["op"] == answer


async def test_what_a_client_has_confirmed_is_not_replayed(town: Town, raw: Raw) -> None:
    """A resume from before the confirmed event is refused, one from it is not."""
    for seq, answer in ((1, 9), (2, 0)):
        async with raw.gateway() as websocket:
            assert (await websocket.receive_json())["s"] == 2
            await websocket.send_json({"op": 1, "d": 2})
            assert (await websocket.receive_json())["op"] == 11
            [session] = town.discord.gateway.sessions
            await websocket.close(code=4000)
        async with raw.gateway(intents=None) as websocket:
            await websocket.send_json({"op": 6, "d": {"token": town.discord.token, "session_id": session, "seq": seq}})
            assert (await websocket.receive_json())["op"] == answer


async def test_content_is_blank_without_its_intent(town: Town, raw: Raw) -> None:
    """Only own messages and those that mention the bot show what they say."""
    async with raw.gateway(intents=1 | 1 << 9) as websocket:
        await town.channel.post(town.alice, "secret", attachments=["x.png"])
        await town.channel.post(town.alice, f"hello {town.discord.bot.mention}")
        await raw.ask("POST", f"/channels/{town.channel.id}/messages", {"content": "own"})
        seen = [await next_event(websocket, "MESSAGE_CREATE") for _ in range(3)]
    assert [each["content"] for each in seen] == ["", f"hello {town.discord.bot.mention}", "own"]
    assert seen[0]["attachments"] == []


async def test_events_need_their_intent_and_permission(town: Town, raw: Raw) -> None:
    """Messages need theirs, members the privileged one, and hidden channels are silent."""
    secret = town.guild.text("secret", overwrites={town.guild.everyone: (0, 1 << 10)})
    async with raw.gateway(intents=1) as websocket:
        await town.channel.post(town.alice, "unheard")
        town.guild.join(town.discord.person("carol"))
        await secret.post(town.alice, "unheard")
        town.guild.text("new")
        await next_event(websocket, "GUILD_CREATE")
        assert (await websocket.receive_json())["t"] == "CHANNEL_CREATE"
    async with raw.gateway() as websocket:
        await secret.post(town.alice, "unheard")
        await town.channel.post(town.alice, "heard")
        assert (await next_event(websocket, "MESSAGE_CREATE"))["content"] == "heard"


async def test_compression_is_one_stream_of_flushed_messages(town: Town, raw: Raw) -> None:
    """Every message ends with the flush marker, and one context inflates them all."""
    inflate = zlib.decompressobj()
    address = f"{town.discord.url}/?v=10&encoding=json&compress=zlib-stream"
    async with raw.session.ws_connect(address) as websocket:
        frames = [(await websocket.receive()).data]
        await websocket.send_json(raw.identify(1))
        frames += [(await websocket.receive()).data for _ in range(2)]
    assert all(frame.endswith(b"\x00\x00\xff\xff") for frame in frames)
    hello, ready, guild = [json.loads(inflate.decompress(frame)) for frame in frames]
    assert (hello["op"], ready["t"], ready["s"], guild["t"], guild["s"]) == (10, "READY", 1, "GUILD_CREATE", 2)
    assert ready["d"]["guilds"] == [{"id": str(town.guild.id), "unavailable": True}]


async def test_members_are_sent_on_request(town: Town) -> None:
    """By name or id, with the nonce."""
    async with running(town.discord) as client:
        guild = (await client.came("guild_available"))[0]
        [bob] = await guild.query_members("bo")
        assert bob.id == town.bob.id
        [alice] = await guild.query_members(user_ids=[town.alice.id])
        assert alice.id == town.alice.id


async def test_guilds_come_go_fail_and_recover(town: Town) -> None:
    """Removal, invitation, outage and recovery are told apart."""
    async with running(town.discord) as client:
        await client.came("ready")
        await town.guild.outage()
        await town.channel.post(town.alice, "unheard")
        await town.guild.recover()
        await town.guild.remove_bot()
        await town.guild.add_bot()
        other = town.discord.guild("Other", owner=town.bob, bot_is_member=False)
        await other.add_bot()
        await client.came("guild_join", 2)
        names = [name for name, _ in client.events if name.startswith("guild_") and name != "guild_channel_create"]
    assert names == [
        "guild_available",
        "guild_unavailable",
        "guild_available",
        "guild_remove",
        "guild_join",
        "guild_join",
    ]
    assert client.of("message") == []


async def test_changes_of_a_guild_are_told(town: Town) -> None:
    """Roles, channels, overwrites and threads change in the client's view as they do here."""
    async with running(town.discord) as client:
        guild = (await client.came("guild_available"))[0]
        role = town.guild.role("Readers")
        await role.edit(permissions=discord.Permissions(manage_threads=True))
        await town.guild.give(town.discord.bot, role)
        forum = town.guild.forum("help")
        hidden = town.guild.text("hidden")
        await hidden.overwrite(town.guild.everyone, deny=1 << 10)
        post = await forum.post(town.alice, "How?", "Tell me")
        thread = await town.channel.thread("aside", by=town.bob)
        await thread.archive()
        await town.channel.rename("main")
        voice = town.guild.voice("lounge")
        await voice.delete()
        await client.came("guild_channel_delete")
        assert guild.me.guild_permissions.manage_threads
        assert [channel.name for channel in guild.text_channels] == ["main", "hidden"]
        assert not guild.get_channel(hidden.id).permissions_for(guild.me).view_channel
        assert guild.get_thread(post.id).message_count == 0
        assert guild.get_thread(thread.id) is None
        assert post.messages[0].id == post.id
        await town.guild.delete_role(role)
        await client.came("guild_role_delete")
        assert not guild.me.guild_permissions.manage_threads


async def test_private_threads_reach_those_who_are_in_them(town: Town) -> None:
    """The bot hears of one when it is added, and no more when it is removed."""
    async with running(town.discord) as client:
        await client.came("guild_available")
        thread = await town.channel.thread("secret", by=town.alice, private=True)
        await thread.post(town.alice, "unheard")
        await thread.add(town.discord.bot)
        await thread.post(town.alice, "heard")
        await client.came("message")
        await thread.remove(town.discord.bot)
        await client.came("thread_remove")
        await thread.post(town.alice, "unheard")
        await town.channel.post(town.alice, "public")
        messages = await client.came("message", 2)
    assert [message.content for message in messages] == ["heard", "public"]


async def test_threads_appear_with_the_right_to_see_them(town: Town) -> None:
    """A channel that opens to the bot brings its active threads."""
    hidden = town.guild.text("hidden", overwrites={town.guild.everyone: (0, 1 << 10)})
    thread = await hidden.thread("aside", by=town.alice)
    async with running(town.discord) as client:
        guild = (await client.came("guild_available"))[0]
        assert guild.get_thread(thread.id) is None
        await hidden.overwrite(town.discord.bot, allow=1 << 10)
        await client.came("guild_channel_update")
        await town.channel.post(town.alice, "now")
        await client.came("message")
        assert guild.get_thread(thread.id).name == "aside"


async def test_odd_events_do_not_hurt_a_client(town: Town) -> None:
    """Unknown events, unknown types, doubles and events out of order can be sent."""
    async with running(town.discord) as client:
        town.discord.send_raw("SOMETHING_NEW", {"a": 1})
        message = await town.channel.post(town.alice, "odd", type=99)
        town.discord.send_raw("MESSAGE_DELETE", {"id": "1", "channel_id": str(town.channel.id)})
        await town.channel.post(town.alice, "plain")
        messages = await client.came("message", 2)
        fetched = await client.get_partial_messageable(town.channel.id).fetch_message(message.id)
    assert [m.content for m in messages] == ["odd", "plain"]
    assert fetched.content == "odd"


async def test_a_flood_reaches_the_client_whole(town: Town) -> None:
    """A thousand messages a second arrive, every one, in order."""
    async with running(town.discord) as client:
        n = await town.channel.flood([town.alice, town.bob], [f"text {n}" for n in range(10)], 1000, 1)
        messages = await client.came("message", n)
    assert n == 1000
    assert [message.id for message in messages] == [message.id for message in town.channel.messages]


async def test_tags_of_a_forum_and_its_posts_are_told(town: Town) -> None:
    """A forum offers tags by name, and a post has those that it was given."""
    async with running(town.discord) as client:
        guild = (await client.came("guild_available"))[0]
        forum = town.guild.forum("help")
        post = await forum.post(town.alice, "How?", "Tell me")
        await forum.tag("Solved")
        await post.give_tag("Solved")
        await client.came("raw_thread_update")
        assert [tag.name for tag in guild.get_thread(post.id).applied_tags] == ["Solved"]
