"""What happens on Discord reaches the row, the vector and the mirror."""

from datetime import UTC, datetime, timedelta

import discord
import pytest
from live import eventually
from town import Town, shown

from bot.texts import content_hash

SECRET = discord.Permissions(view_channel=True)
HISTORY = discord.Permissions(read_message_history=True)
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


async def test_what_is_written_is_found(town: Town) -> None:
    """A message written after indexing began is stored and found."""
    await town.index()
    await town.square.post(town.bob, "the harbour freezes in January")

    await town.stored("the harbour freezes in January")
    await town.settled()
    assert "harbour" in shown(await town.similar(town.ada, "ice in the port"))


async def test_nothing_is_stored_before_indexing_begins(town: Town) -> None:
    """Where nobody ran /index start, nothing is kept, not even tombstones of what was deleted."""
    message = await town.square.post(town.bob, "not for keeping")
    await message.delete()
    other = await town.square.post(town.bob, "neither")
    await other.edit("neither is this")

    assert shown(await town.similar(town.ada, "anything at all"))
    assert town.bot.texts(town.guild.id) == []
    assert town.bot.rows("SELECT * FROM tombstones WHERE guild_id = ?", town.guild.id) == []


async def test_an_edit_changes_what_is_found(town: Town) -> None:
    """After an edit the new text is found and the old one is stored nowhere."""
    await town.index()
    message = await town.square.post(town.bob, "the meeting is on Monday")
    await town.stored("the meeting is on Monday")
    await message.edit("the gathering was moved to Friday")

    await town.stored("the gathering was moved to Friday")
    await town.settled()
    assert "Friday" in shown(await town.similar(town.ada, "when do we meet?"))


async def test_b21_an_update_without_another_text_makes_no_new_vector(town: Town) -> None:
    """A link that is unfurled without a word leaves the vector as it was."""
    await town.index()
    message = await town.square.post(town.bob, "look at https://example.com")
    await town.stored(message.content)
    await town.settled()
    before = town.bot.rows("SELECT embedding_id FROM embeddings WHERE message_id = ?", message.id)

    await message.unfurl(title="")
    marker = await town.square.post(town.bob, "after the link")
    await eventually(lambda: town.bot.rows("SELECT 1 FROM embeddings WHERE message_id = ?", marker.id))
    assert town.bot.rows("SELECT embedding_id FROM embeddings WHERE message_id = ?", message.id) == before != []


async def test_b22_an_edit_of_an_unknown_message_stores_it(town: Town) -> None:
    """An edit brings in a message that was never seen."""
    [old] = town.square.seed(town.bob, ["from before"], start=BEGAN, step=timedelta(minutes=1))
    await town.ada.slash(town.square, "index start")
    await town.stored("from before")
    town.square.messages.remove(old)
    unseen = town.square.compose(town.bob, "never announced")
    town.square.put(unseen)

    await unseen.edit("announced by an edit")
    await town.stored("from before", "announced by an edit")
    ids = "SELECT message_id FROM messages WHERE content = 'announced by an edit'"
    assert town.bot.rows(ids) == [(unseen.id,)]


async def test_b23_an_empty_edit_leaves_the_text_alone(town: Town) -> None:
    """When Discord stops showing texts, what is stored stays, and the log says what to look at."""
    await town.index()
    message = await town.square.post(town.bob, "words that were seen")
    await town.stored("words that were seen")

    author = {"id": str(town.bob.id), "username": town.bob.name, "discriminator": "0", "avatar": None}
    empty = {"id": str(message.id), "channel_id": str(town.square.id), "guild_id": str(town.guild.id)}
    empty |= {"type": 0, "content": "", "author": author, "attachments": [], "embeds": [], "components": []}
    town.discord.send_raw("MESSAGE_UPDATE", empty)
    await eventually(lambda: f"message {message.id} came without content" in town.bot.said)
    assert town.bot.texts(town.guild.id) == ["words that were seen"]


async def test_b24_deletions_take_row_vector_and_mirror(town: Town) -> None:
    """One deletion and a bulk deletion of a hundred are gone from the database and from the next answer."""
    await town.index()
    messages = [await town.square.post(town.bob, f"the lighthouse keeper, part {n}") for n in range(102)]
    await eventually(lambda: len(town.bot.texts(town.guild.id)) == 102)
    await town.settled()

    await messages[0].delete()
    await town.square.bulk_delete(messages[1:101])
    await town.stored("the lighthouse keeper, part 101")
    assert town.bot.rows("SELECT count(*) FROM embeddings WHERE guild_id = ?", town.guild.id) == [(1,)]
    assert shown(await town.similar(town.ada, "lighthouse keeper", limit=50)).count("lighthouse") == 1


async def test_b26_bots_webhooks_and_notices_are_not_kept(town: Town) -> None:
    """Only what people write is stored; the bot's own answers never are."""
    await town.index()
    await town.square.post(town.discord.bot, "an answer of the bot itself")
    await town.square.post(town.bob, "through a webhook", webhook=True)
    await town.square.post(town.bob, "somebody joined", type=7)
    await town.square.post(town.bob, "a person")

    await town.stored("a person")
    await town.settled()
    await town.similar(town.ada, "a person")
    assert town.bot.texts(town.guild.id) == ["a person"]


async def test_b27_unknown_kinds_are_lived_with(town: Town) -> None:
    """An unknown message type, an unknown event and a reply to a deleted message do not stop the bot."""
    await town.index()
    parent = await town.square.post(town.bob, "the question")
    await parent.delete()
    await town.square.post(town.bob, "of a kind from the future", type=250)
    town.discord.send_raw("SOMETHING_NEW", {"guild_id": str(town.guild.id), "what": "ever"})
    await town.square.post(town.bob, "the answer", reply_to=parent)

    await town.stored("the answer")
    await town.settled()
    assert "the answer" in shown(await town.similar(town.ada, "answer"))
    assert "Traceback" not in town.bot.said


async def test_b25_a_forward_is_stored_with_what_it_forwards(town: Town) -> None:
    """The text of a forwarded message is stored; where it came from is not told."""
    await town.index()
    hidden = town.guild.text("cellar", overwrites={town.guild.everyone: (0, SECRET)})
    source = await hidden.post(town.ada, "the recipe for the soup")
    await town.square.post(town.bob, "", snapshots=[source])

    await town.stored("the recipe for the soup")
    await town.settled()
    assert str(hidden.id) not in shown(await town.similar(town.bob, "soup recipe"))


async def test_threads_and_forums_are_followed(town: Town) -> None:
    """A new thread and a new forum post are stored from their first message on."""
    await town.index()
    forum = town.guild.forum("help")
    post = await forum.post(town.bob, "Boiler", "my boiler makes a noise")
    thread = await town.square.thread("aside", by=town.bob)
    await thread.post(town.bob, "an aside about kettles")

    await town.stored("my boiler makes a noise", "an aside about kettles")
    places = "SELECT DISTINCT channel_id FROM messages WHERE guild_id = ?"
    assert {place for (place,) in town.bot.rows(places, town.guild.id)} == {post.id, thread.id}


async def test_a_renamed_channel_is_known_by_its_new_name(town: Town) -> None:
    """A new name reaches the database without another message."""
    await town.index()
    await town.square.post(town.bob, "sunshine")
    await town.stored("sunshine")

    await town.square.rename("plaza")
    names = "SELECT name FROM channels WHERE guild_id = ?"
    await eventually(lambda: town.bot.rows(names, town.guild.id) == [("plaza",)])
    assert town.bot.texts(town.guild.id) == ["sunshine"]


async def test_a_deleted_channel_goes_with_its_threads(town: Town) -> None:
    """When a channel is deleted, what was written there and in its threads is gone and cannot come back."""
    other = town.guild.text("attic")
    await town.index()
    thread = await other.thread("box", by=town.bob)
    await other.post(town.bob, "dust")
    await thread.post(town.bob, "old letters")
    await town.square.post(town.bob, "sunshine")
    await town.stored("dust", "old letters", "sunshine")

    await other.delete()
    await town.stored("sunshine")
    assert town.bot.rows("SELECT count(*) FROM tombstones WHERE guild_id = ?", town.guild.id) == [(2,)]
    names = "SELECT name FROM channels WHERE guild_id = ?"
    await eventually(lambda: town.bot.rows(names, town.guild.id) == [("square",)])


async def test_a_deleted_thread_goes(town: Town) -> None:
    """When a thread is deleted, what was written there is gone."""
    await town.index()
    thread = await town.square.thread("aside", by=town.bob)
    await thread.post(town.bob, "an aside")
    await town.stored("an aside")

    await thread.delete()
    await town.stored()
    assert town.bot.rows("SELECT count(*) FROM tombstones WHERE guild_id = ?", town.guild.id) == [(1,)]


@pytest.mark.parametrize("lost", [SECRET, HISTORY])
async def test_a_channel_that_closes_goes_and_comes_back_when_it_opens(town: Town, lost) -> None:
    """What the bot may no longer read is removed; when it may again, the history is read anew."""
    other = town.guild.text("attic")
    await town.index()
    await other.post(town.bob, "dust")
    await town.square.post(town.bob, "sunshine")
    await town.stored("dust", "sunshine")

    await other.overwrite(town.guild.everyone, deny=lost)
    await town.stored("sunshine")
    assert town.bot.rows("SELECT count(*) FROM tombstones WHERE guild_id = ?", town.guild.id) == [(0,)]

    await other.overwrite(town.guild.everyone)
    await town.stored("dust", "sunshine")


async def test_a_role_that_the_bot_loses_closes_channels(town: Town) -> None:
    """Losing the role that let the bot read a channel removes what was read there."""
    keys = town.guild.role("keys")
    cellar = town.guild.text("cellar", overwrites={town.guild.everyone: (0, SECRET), keys: (SECRET, 0)})
    await town.guild.give(town.discord.bot, keys)
    await town.index()
    await cellar.post(town.ada, "the wine is from 1961")
    await town.stored("the wine is from 1961")

    await town.guild.take(town.discord.bot, keys)
    await town.stored()
    assert town.bot.rows("SELECT count(*) FROM embeddings WHERE guild_id = ?", town.guild.id) == [(0,)]
    assert town.bot.rows("SELECT count(*) FROM tombstones WHERE guild_id = ?", town.guild.id) == [(0,)]


async def test_a_new_private_thread_is_not_stored(town: Town) -> None:
    """A private thread is left alone while the whole server is indexed."""
    await town.index()
    thread = await town.square.thread("between us", by=town.bob, private=True)
    await thread.add(town.discord.bot)
    await thread.post(town.bob, "do not tell anybody")
    await town.square.post(town.bob, "in the open")

    await town.stored("in the open")
    await town.settled()
    assert "anybody" not in shown(await town.similar(town.bob, "do not tell anybody"))


async def test_a_private_thread_goes_when_the_bot_is_removed_from_it(town: Town) -> None:
    """What it read in a private thread is gone when nobody would tell it of deletions there any more."""
    thread = await town.square.thread("between us", by=town.ada, private=True)
    await thread.add(town.discord.bot)
    await (await town.ada.slash(town.square, "index start", channel=thread)).answer()
    await thread.post(town.ada, "do not tell anybody")
    await town.stored("do not tell anybody")

    await thread.remove(town.discord.bot)
    await town.stored()
    assert town.bot.rows("SELECT count(*) FROM embeddings WHERE guild_id = ?", town.guild.id) == [(0,)]


async def test_what_was_written_while_the_bot_was_removed_is_read_on_return(town: Town) -> None:
    """Invited back within the grace period, the bot reads what it missed."""
    await town.index()
    await town.guild.remove_bot()
    await town.square.post(town.bob, "while you were away")
    await town.guild.add_bot()

    await town.stored("while you were away")
    await town.settled()
    assert "while you were away" in shown(await town.similar(town.ada, "away"))


async def test_f31_an_outage_removes_nothing(town: Town) -> None:
    """While a server is unavailable nothing is deleted, and afterwards it goes on."""
    await town.index()
    await town.square.post(town.bob, "before")
    await town.stored("before")

    await town.guild.outage()
    await town.guild.recover()
    await town.square.post(town.bob, "after")
    await town.stored("before", "after")
    assert town.bot.rows("SELECT left_at FROM servers WHERE guild_id = ?", town.guild.id) == [(None,)]


async def test_f32_a_removed_bot_marks_the_time_and_forgets_it_on_return(town: Town) -> None:
    """Removal from a server starts the grace period, and an invitation within it ends it."""
    left = "SELECT left_at IS NOT NULL FROM servers WHERE guild_id = ?"
    await town.index()
    await town.guild.remove_bot()
    await eventually(lambda: town.bot.rows(left, town.guild.id) == [(1,)])

    await town.guild.add_bot()
    await eventually(lambda: town.bot.rows(left, town.guild.id) == [(0,)])
    await town.square.post(town.bob, "welcome back")
    await town.stored("welcome back")
    assert town.bot.rows(left, town.guild.id) == [(0,)]


async def test_f13_a_lost_connection_is_resumed_without_loss(town: Town) -> None:
    """What happened while the connection was down is replayed: each event counts once."""
    await town.index()
    message = await town.square.post(town.bob, "one")
    gone = await town.square.post(town.bob, "two")
    await town.stored("one", "two")
    resumes = town.discord.resumes

    await town.discord.drop(code=4000)
    await message.edit("one and a half")
    await gone.delete()
    await town.square.post(town.bob, "three")
    await town.stored("one and a half", "three")
    assert town.discord.resumes == resumes + 1


async def test_names_and_places_are_no_reason_to_ask_again(town: Town) -> None:
    """A channel that was renamed and moved, or opened to somebody else than the bot, needs no comparison."""
    travel, aside = town.guild.category("travel"), town.guild.text("aside")
    await town.index()
    await town.square.post(town.bob, "the harbour freezes in January")
    await town.stored("the harbour freezes in January")
    await town.settled()
    route = "/channels/{channel_id}/messages/{message_id}"
    n_asked = lambda: len(town.discord.asked("GET", route, channel=town.square))  # noqa: E731
    await town.similar(town.ada, "ice in the port")
    n_before = n_asked()

    await town.square.rename("plaza")
    await town.square.move(travel)
    known = "SELECT name, parent_id FROM channels WHERE channel_id = ?"
    await eventually(lambda: town.bot.rows(known, town.square.id) == [("plaza", travel.id)])
    await town.similar(town.ada, "ice in the port")
    assert n_asked() == n_before

    await town.square.overwrite(town.bob, allow=HISTORY)
    await aside.post(town.bob, "after it")
    await town.stored("the harbour freezes in January", "after it")
    await town.similar(town.ada, "ice in the port", channel=town.square)
    assert n_asked() == n_before


async def test_another_title_of_a_thread_is_heard(town: Town) -> None:
    """What opens the thread is found by the new title and no longer by the old one, an archived thread's too."""
    forum = town.guild.forum("help")
    await town.index()
    post = await forum.post(town.bob, "call me at 5550199", "my scooter was stolen from the yard last night")
    await eventually(lambda: town.bot.rows("SELECT 1 FROM embeddings WHERE message_id = ?", post.id))

    await post.rename("a stolen scooter")
    await eventually(lambda: town.bot.rows("SELECT 1 FROM channels WHERE name = ?", "a stolen scooter"))
    await town.settled()
    is_anew = await eventually(
        lambda: town.bot.rows("SELECT content_hash FROM embeddings WHERE message_id = ?", post.id)
    )
    assert is_anew == [(content_hash("a stolen scooter my scooter was stolen from the yard last night"),)]
