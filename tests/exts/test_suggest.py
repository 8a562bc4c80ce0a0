"""/suggest, and what it does to new posts and threads, as people see it."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import discord
import pytest
import pytest_asyncio
from faults.paid_town import PATIENCE_S, paid_town
from live import eventually, running
from standin import Answer, Discord, NotAllowed, Person
from standin.channels import Channel
from standin.messages import Message
from standin.threads import Forum, Thread
from town import VIEW, Town, shown

NOT_ALLOWED = "Only members with the permission Manage Server may do that."
NOT_AUTHOR = "Only who opened this thread can say that it helped."
NOT_AUTHOR_NOR_MODERATOR = "Only who opened this thread, and moderators, can say that."
SILENT = 1 << 12  # Discord's flag of messages that notify nobody
MANAGE_SERVER = discord.Permissions(manage_guild=True)
MANAGE_MESSAGES = discord.Permissions(manage_messages=True)
SEND_IN_THREADS = discord.Permissions(send_messages_in_threads=True)
VERBS: dict[str, dict[str, Any]] = {"on": {"channel": True}, "off": {"channel": True}, "status": {}, "threshold": {}}
OLD = ("Printer is offline", "My printer shows as offline since the last update, how do I get it online again?")
NEW = ("Printer offline after update", "Since the last update my printer shows as offline. How do I get it online?")
OTHER = ("Sourdough", "How long does a loaf of sourdough bread have to bake?")


@pytest.fixture
def forum(town: Town) -> Forum:
    return town.guild.forum("help")


async def suggest(town: Town, verb: str, *, by: Person | None = None, force: bool = False, **options: object) -> Answer:
    """What the owner or somebody else is answered."""
    interaction = await (by or town.ada).slash(town.square, f"suggest {verb}", force=force, **options)
    return await interaction.answer()


async def begun(town: Town, channel: Channel) -> None:
    """Everything is stored, and earlier posts are suggested in a channel."""
    await town.index()
    answer = await suggest(town, "on", channel=channel, delay=1)
    assert f"<#{channel.id}>" in shown(answer)


def suggestions(town: Town, thread: Thread) -> list[Message]:
    return [message for message in thread.messages if message.author is town.discord.bot]


async def suggestion(town: Town, thread: Thread) -> Message:
    """What the bot suggests in a thread, once it keeps an eye on that."""
    [message] = await eventually(lambda: suggestions(town, thread), within=20)
    await eventually(lambda: town.bot.rows("SELECT 1 FROM shares WHERE message_id = ?", message.id))
    return message


async def nothing_is_suggested(town: Town, thread: Thread, *, in_: Forum) -> None:
    """A later post gets its suggestion, and the thread, which was looked at before, none."""
    await suggestion(town, await in_.post(town.bob, *NEW))
    assert suggestions(town, thread) == []


def told(message: Message) -> str:
    [embed] = message.embeds
    return embed["description"]


def labels(message: Message) -> list[str]:
    return [button["label"] for row in message.components for button in row["components"]]


def verdicts(town: Town) -> list[tuple[Any, ...]]:
    return town.bot.rows("SELECT verdict FROM verdicts WHERE guild_id = ?", town.guild.id)


async def pressed(person: Person, message: Message, button: str) -> Answer:
    return await (await person.press(message, button)).answer()


# --- what is suggested


async def test_an_earlier_post_is_suggested_in_a_new_one(town: Town, forum: Forum) -> None:
    """After the delay a message in the post shows who asked the same, with a way there; it notifies nobody."""
    old = await forum.post(town.ada, *OLD)
    other = await forum.post(town.ada, *OTHER)
    await begun(town, forum)

    new = await forum.post(town.bob, *NEW)
    message = await suggestion(town, new)
    assert message.embeds[0]["title"] == "Related posts"
    assert old.messages[0].url in told(message)
    assert f"<#{old.id}>" in told(message)
    assert all(f"<#{thread.id}>" not in told(message) for thread in (other, new))
    assert labels(message) == ["This helped", "Not related"]
    assert message.content == ""
    assert message.flags & SILENT


async def test_where_nothing_is_near_nothing_is_said(town: Town, forum: Forum) -> None:
    """A post about something else is left in peace."""
    await forum.post(town.ada, *OLD)
    await begun(town, forum)

    other = await forum.post(town.bob, *OTHER)
    await nothing_is_suggested(town, other, in_=forum)
    assert [message.author for message in other.messages] == [town.bob]


async def test_only_chosen_channels_have_suggestions(town: Town, forum: Forum) -> None:
    """A forum that nobody chose has none, nor one that was left again, and its posts are suggested nowhere."""
    elsewhere = town.guild.forum("elsewhere")
    hidden = await elsewhere.post(town.ada, *OLD)
    await forum.post(town.ada, *OLD)
    await begun(town, forum)

    silent = await elsewhere.post(town.bob, *NEW)
    message = await suggestion(town, await forum.post(town.bob, *NEW))
    assert suggestions(town, silent) == []
    assert f"<#{hidden.id}>" not in told(message)
    assert shown(await suggest(town, "off", channel=forum)) == (
        f"Nothing is suggested in <#{forum.id}> any more. What was suggested stays."
    )
    silent = await forum.post(town.bob, *NEW)
    await suggest(town, "on", channel=elsewhere, delay=1)
    await suggestion(town, await elsewhere.post(town.bob, *NEW))
    assert suggestions(town, silent) == []


async def test_what_waits_in_a_channel_that_was_left_gets_nothing(town: Town, forum: Forum) -> None:
    """A post whose moment comes after /suggest off is left in peace."""
    await forum.post(town.ada, *OLD)
    await begun(town, forum)
    await suggest(town, "on", channel=forum, delay=3)
    silent = await forum.post(town.bob, *NEW)
    await eventually(lambda: town.bot.rows("SELECT 1 FROM due_suggestions WHERE thread_id = ?", silent.id))
    await suggest(town, "off", channel=forum)
    await eventually(lambda: not town.bot.rows("SELECT 1 FROM due_suggestions WHERE thread_id = ?", silent.id))

    await suggest(town, "on", channel=forum, delay=1)
    await nothing_is_suggested(town, silent, in_=forum)
    assert [message.author for message in silent.messages] == [town.bob]


async def test_threads_of_a_text_channel_have_suggestions_too(town: Town) -> None:
    """What opens a thread stands above it; both the earlier and the new one are known by it."""
    old = await town.square.post(town.ada, OLD[1])
    await town.square.thread("Old question", by=town.ada, message=old)
    await begun(town, town.square)

    asked = await town.square.post(town.bob, NEW[1])
    message = await suggestion(town, await town.square.thread("New question", by=town.bob, message=asked))
    assert old.url in told(message)


async def test_at_most_three_threads_are_suggested_each_once(town: Town, forum: Forum) -> None:
    """However often a thread says the same, it takes one place."""
    posts = [await forum.post(town.ada, *OLD) for _ in range(4)]
    await posts[0].post(town.ada, OLD[1])
    await begun(town, forum)

    message = await suggestion(town, await forum.post(town.bob, *NEW))
    shown_posts = [post for post in posts if f"<#{post.id}>" in told(message)]
    assert len(shown_posts) == 3
    assert told(message).count("<#") == 3


@pytest.mark.parametrize("how", ["a tag", "archived", "locked", "helped"])
async def test_solved_posts_come_first(town: Town, forum: Forum, how: str) -> None:
    """A tag says so, or that it is closed after somebody answered, or that its author was helped."""
    await forum.tag("✅ Solved")
    solved, unsolved = await forum.post(town.ada, *OTHER), await forum.post(town.ada, *OTHER)
    await solved.post(town.bob, "Forty minutes.")
    await unsolved.post(town.ada, "Nobody knows?")
    await begun(town, forum)
    # Of those that say the same the newer one would come first.
    if how == "a tag":
        await solved.give_tag("✅ Solved")
    elif how == "archived":
        for post in (solved, unsolved):
            await post.archive()
    elif how == "locked":
        await solved.lock()
    else:
        solved = await forum.post(town.ada, *OTHER)
        await pressed(town.ada, await suggestion(town, solved), "This helped")
        unsolved = await forum.post(town.ada, *OTHER)
        await suggestion(town, unsolved)
    message = await suggestion(town, await forum.post(town.bob, *OTHER))
    assert told(message).index(f"<#{solved.id}>") < told(message).index(f"<#{unsolved.id}>")


async def test_what_the_author_adds_in_time_counts(town: Town, forum: Forum) -> None:
    """A first message that says little is completed within the delay."""
    old = await forum.post(town.ada, *OLD)
    await begun(town, forum)

    new = await forum.post(town.bob, "Please help", "Hello everyone")
    await new.post(town.bob, NEW[1])
    await new.post(town.bob, NEW[1])
    assert f"<#{old.id}>" in told(await suggestion(town, new))


async def test_only_what_everyone_there_may_read_is_suggested(town: Town) -> None:
    """A post of a closed forum is not suggested in an open one, though its author can read both."""
    category = town.guild.category("support")
    closed = town.guild.forum(
        "staff",
        category=category,
        overwrites={town.guild.everyone: (0, VIEW), town.bob: (VIEW, 0), town.discord.bot: (VIEW, 0)},
    )
    forum = town.guild.forum("help", category=category)
    secret, old = await closed.post(town.bob, *OLD), await forum.post(town.ada, *OLD)
    await begun(town, category)

    message = await suggestion(town, await forum.post(town.bob, *NEW))
    assert f"<#{old.id}>" in told(message)
    assert f"<#{secret.id}>" not in told(message)


# --- what becomes of it


@pytest.mark.parametrize("how", ["deleted", "rewritten", "thread deleted"])
async def test_a_suggestion_loses_what_is_gone_and_goes_with_the_last(town: Town, forum: Forum, how: str) -> None:
    """It is edited, keeps its buttons, and in the end is deleted."""
    posts = [await forum.post(town.ada, *OLD) for _ in range(2)]
    await begun(town, forum)
    message = await suggestion(town, await forum.post(town.bob, *NEW))

    async def take(post: Thread) -> None:
        if how == "thread deleted":
            await post.delete()
        elif how == "deleted":
            await post.messages[0].delete()
        else:
            await post.messages[0].edit("never mind")

    await take(posts[0])
    await eventually(lambda: f"<#{posts[0].id}>" not in told(message))
    assert f"<#{posts[1].id}>" in told(message)
    assert message.embeds[0]["title"] == "Related posts"
    assert labels(message) == ["This helped", "Not related"]
    await take(posts[1])
    await eventually(lambda: message.is_deleted)
    await eventually(lambda: not town.bot.rows("SELECT 1 FROM shares WHERE guild_id = ?", town.guild.id))


async def test_in_an_archived_post_a_suggestion_goes_with_the_first_source(town: Town, forum: Forum) -> None:
    """Discord lets nobody edit there, so what shows too much is deleted as a whole."""
    old = await forum.post(town.ada, *OLD)
    await forum.post(town.ada, *OLD)
    await begun(town, forum)
    new = await forum.post(town.bob, *NEW)
    message = await suggestion(town, new)
    await new.archive()

    await old.messages[0].delete()
    await eventually(lambda: message.is_deleted)
    await eventually(lambda: not town.bot.rows("SELECT 1 FROM shares WHERE message_id = ?", message.id))
    assert suggestions(town, new) == []


async def test_a_suggestion_goes_with_the_post_that_it_is_about(town: Town, forum: Forum) -> None:
    """When the author deletes the question nothing is suggested for it."""
    await forum.post(town.ada, *OLD)
    await begun(town, forum)
    new = await forum.post(town.bob, *NEW)
    message = await suggestion(town, new)

    await new.messages[0].delete()
    await eventually(lambda: message.is_deleted)
    assert suggestions(town, new) == []


async def test_a_suggestion_loses_what_not_all_may_read_any_more(town: Town) -> None:
    """When a forum is closed to some, its posts go out of what is shown elsewhere."""
    category = town.guild.category("support")
    first, second = (town.guild.forum(name, category=category) for name in ("first", "second"))
    closing, staying = await first.post(town.ada, *OLD), await second.post(town.ada, *OLD)
    await begun(town, category)
    message = await suggestion(town, await second.post(town.bob, *NEW))
    assert f"<#{closing.id}>" in told(message)

    await first.overwrite(town.guild.role("guests"), deny=VIEW)
    await eventually(lambda: f"<#{closing.id}>" not in told(message))
    assert f"<#{staying.id}>" in told(message)


async def test_a_post_that_is_deleted_in_time_is_not_looked_at(town: Town, forum: Forum) -> None:
    """Nothing waits for it any more."""
    await forum.post(town.ada, *OLD)
    await begun(town, forum)
    new = await forum.post(town.bob, *NEW)
    await new.delete()

    await eventually(lambda: not town.bot.rows("SELECT 1 FROM due_suggestions WHERE guild_id = ?", town.guild.id))
    await suggestion(town, await forum.post(town.bob, *NEW))
    assert suggestions(town, new) == []


# --- the buttons


async def test_the_author_says_that_it_helped(town: Town, forum: Forum) -> None:
    """Everyone sees that it did; a score and a verdict are kept, and the suggestion stays true."""
    old = await forum.post(town.ada, *OLD)
    await begun(town, forum)
    message = await suggestion(town, await forum.post(town.bob, *NEW))
    refused = await pressed(town.ada, message, "This helped")
    assert (shown(refused), refused.is_ephemeral, verdicts(town)) == (NOT_AUTHOR, True, [])

    await pressed(town.bob, message, "This helped")
    await eventually(lambda: message.content == "This helped the author.")
    assert (labels(message), verdicts(town)) == ([], [("helped",)])
    assert f"<#{old.id}>" in told(message)
    await old.delete()
    await eventually(lambda: message.is_deleted)


@pytest.mark.parametrize("by", ["author", "moderator"])
async def test_the_author_and_moderators_say_that_it_is_not_related(town: Town, forum: Forum, by: str) -> None:
    """It goes, and a verdict is kept; others are refused, as is who moderates no longer."""
    await forum.post(town.ada, *OLD)
    await begun(town, forum)
    message = await suggestion(town, await forum.post(town.bob, *NEW))
    moderators = town.guild.role("moderators", permissions=MANAGE_MESSAGES)
    moderator = town.newcomer("moderator", roles=[moderators])
    passer = town.newcomer("passer", roles=[moderators])
    await town.guild.take(passer, moderators)
    assert shown(await pressed(passer, message, "Not related")) == NOT_AUTHOR_NOR_MODERATOR
    assert verdicts(town) == []

    answer = await pressed(town.bob if by == "author" else moderator, message, "Not related")
    assert (answer.is_ephemeral, shown(answer)) == (True, "Thank you. It goes, and counts as not related.")
    await eventually(lambda: message.is_deleted)
    assert verdicts(town) == [("not_related",)]


# --- restarts


@pytest_asyncio.fixture(loop_scope="session")
async def lone() -> AsyncIterator[tuple[Discord, Any]]:
    async with Discord.open() as discord_:
        yield discord_, discord_.person("ada")


async def test_what_waits_and_what_was_suggested_outlive_a_restart(lone: tuple[Discord, Any], tmp_path: Path) -> None:
    """A post whose moment comes later gets its suggestion from the next process, and buttons work in the one after."""
    discord_, ada = lone
    bob = discord_.person("bob")
    guild = discord_.guild("Town", owner=ada)
    guild.join(bob)
    forum, square = guild.forum("help"), guild.text("square")
    await forum.post(ada, *OLD)
    folder = tmp_path / "data"
    async with running(discord_, folder) as bot:
        town = Town(discord_, bot, guild, ada, bob, square)
        await town.index()
        await suggest(town, "on", channel=forum, delay=4)
        new = await forum.post(bob, *NEW)
        await eventually(lambda: bot.rows("SELECT 1 FROM due_suggestions"))
        await eventually(lambda: NEW[1] in bot.texts(guild.id))
    assert suggestions(town, new) == []
    async with running(discord_, folder) as bot:
        town.bot = bot
        message = await suggestion(town, new)
    async with running(discord_, folder) as bot:
        town.bot = bot
        await pressed(bob, message, "Not related")
        await eventually(lambda: message.is_deleted)
    assert suggestions(town, new) == []


async def test_while_nothing_can_be_embedded_a_post_waits(tmp_path: Path) -> None:
    """Its suggestion is put off, not lost, nor made from words alone."""
    async with paid_town() as town, town.running(tmp_path / "data"):
        forum = town.guild.forum("help")
        await forum.post(town.ada, *OLD)
        await town.index()
        await suggest(town, "on", channel=forum, delay=1)
        town.api.fails("429_insufficient_quota")
        new = await forum.post(town.bob, *NEW)
        waiting = "SELECT due_at - opened_at FROM due_suggestions WHERE thread_id = ?"
        await eventually(lambda: town.bot.rows(waiting, new.id))
        await eventually(lambda: town.bot.rows(waiting, new.id)[0][0] > 60_000, within=PATIENCE_S)
        assert suggestions(town, new) == []
        town.api.recovers()


# --- in Japanese


async def test_in_a_japanese_server_suggestions_are_japanese(town: Town, forum: Forum) -> None:
    """What everyone sees is in the server's language, what one person is told in theirs."""
    town.guild.locale = "ja"
    await town.guild.rename("町")
    old = await forum.post(
        town.ada, "プリンターがオフライン", "更新してからプリンターがオフラインのままです。どうすれば直りますか?"
    )
    answer = await town.begin()
    await eventually(lambda: "履歴の読み込みが終わりました" in answer.refresh().content)
    await town.settled()
    hanako = town.newcomer("hanako", locale="ja", roles=[town.guild.role("stewards", permissions=MANAGE_SERVER)])
    answer = await suggest(town, "on", by=hanako, channel=forum, delay=1)
    assert shown(answer).startswith(f"<#{forum.id}> の新しい投稿やスレッドに")

    new = await forum.post(
        hanako, "プリンターが使えない", "更新してからプリンターがオフラインになりました。どうすれば直りますか?"
    )
    message = await suggestion(town, new)
    assert message.embeds[0]["title"] == "関連する投稿"
    assert f"<#{old.id}>" in told(message)
    assert labels(message) == ["役に立った", "関連なし"]
    await pressed(hanako, message, "役に立った")
    await eventually(lambda: message.content == "投稿者の役に立ちました。")


# --- the commands


@pytest.mark.parametrize("verb", VERBS)
async def test_suggest_is_for_those_who_manage_the_server(town: Town, forum: Forum, verb: str) -> None:
    """Others are not shown the commands, and one that they send all the same is refused and changes nothing."""
    options = dict.fromkeys(VERBS[verb], forum)
    with pytest.raises(NotAllowed):
        await suggest(town, verb, by=town.bob, **options)

    refusal = await suggest(town, verb, by=town.bob, force=True, **options)
    assert (refusal.is_ephemeral, shown(refusal)) == (True, NOT_ALLOWED)
    assert town.bot.rows("SELECT 1 FROM suggested_channels WHERE guild_id = ?", town.guild.id) == []


async def test_the_status_tells_where_posts_are_suggested(town: Town, forum: Forum) -> None:
    """It names channels with their delays; who did what stands in the audit."""
    assert shown(await suggest(town, "status")) == "Related posts are suggested nowhere: /suggest on begins."
    answer = shown(await suggest(town, "on", channel=forum))
    assert answer.endswith("It is not indexed, so there is nothing to suggest yet: /index start channel: begins.")
    await suggest(town, "on", channel=town.square, delay=30)
    assert set(shown(await suggest(town, "status")).splitlines()) == {
        "Related posts are suggested in:",
        f"- <#{forum.id}>, after 120 s",
        f"- <#{town.square.id}>, after 30 s",
    }

    await suggest(town, "off", channel=forum)
    again = shown(await suggest(town, "off", channel=forum))
    assert again == f"Nothing was suggested in <#{forum.id}> before either."
    audit = shown(await (await town.ada.slash(town.square, "index audit")).answer()).splitlines()
    assert [line.partition(": ")[2] for line in audit] == [
        f"had no related posts suggested in <#{forum.id}> any more",
        f"had related posts suggested in <#{town.square.id}>",
        f"had related posts suggested in <#{forum.id}>",
    ]


async def test_where_nothing_could_be_suggested_that_is_said(town: Town, forum: Forum) -> None:
    """In a voice channel there are no threads, and where the bot may not write it says which permission it needs."""
    refusal = shown(await suggest(town, "on", channel=town.guild.category("support")))
    assert "up to three" in refusal
    thread = await town.square.thread("aside", by=town.ada)
    refusal = shown(await suggest(town, "on", channel=thread))
    assert refusal.startswith("No posts or threads can be opened there")
    await forum.overwrite(town.discord.bot, deny=SEND_IN_THREADS)
    refusal = shown(await suggest(town, "on", channel=forum))
    assert refusal.startswith("The bot may not write in threads there")


# --- the threshold


def judge(town: Town, percent: int, *, good: int, bad: int = 0) -> None:
    """So many verdicts, as if people had pressed buttons."""
    [(generation,)] = town.bot.rows("SELECT DISTINCT found_by FROM shares WHERE guild_id = ?", town.guild.id)
    rows = [(town.guild.id, percent, generation, "helped")] * good
    rows += [(town.guild.id, percent, generation, "not_related")] * bad
    connection = sqlite3.connect(town.bot.folder / "bot.db", timeout=10)
    with connection:
        connection.executemany(
            "INSERT INTO verdicts (guild_id, at, percent, generation, verdict) VALUES (?, 0, ?, ?, ?)", rows
        )
    connection.close()


async def index_status(town: Town) -> list[str]:
    return shown(await (await town.ada.slash(town.square, "index status")).answer()).splitlines()


async def test_a_threshold_is_advised_and_applied_only_when_somebody_says_so(town: Town, forum: Forum) -> None:
    """/index status shows it with its measured precision; applied, it holds until it is taken back."""
    await forum.post(town.ada, *OLD)
    await begun(town, forum)
    message = await suggestion(town, await forum.post(town.bob, *NEW))
    assert not any("threshold" in line for line in await index_status(town))
    too_few = (
        "Verdicts on related posts so far: 0. Too few, or too few good ones, to advise a threshold "
        "(at least 20, surely 70 % of them good)."
    )
    assert shown(await suggest(town, "threshold")) == too_few

    await pressed(town.bob, message, "This helped")
    await eventually(lambda: verdicts(town))
    assert too_few.replace("far: 0", "far: 1") in await index_status(town)
    judge(town, 100, good=38, bad=1)
    judge(town, 30, good=2, bad=30)
    advice = next(line for line in await index_status(town) if line.startswith("Advised threshold"))
    assert "/suggest threshold applies it" in advice
    assert town.bot.rows("SELECT 1 FROM thresholds WHERE guild_id = ?", town.guild.id) == []

    applied = shown(await suggest(town, "threshold"))
    assert applied.startswith(advice)
    [(percent,)] = town.bot.rows("SELECT percent FROM thresholds WHERE guild_id = ?", town.guild.id)
    told_of = f"Related posts are suggested from {percent} % on."
    assert applied.endswith(told_of)
    assert told_of in await index_status(town)
    assert told_of in shown(await suggest(town, "status"))


async def test_a_threshold_that_is_set_decides_what_is_suggested(town: Town, forum: Forum) -> None:
    """Above what there is nothing comes; left to the bot again, it does."""
    await forum.post(town.ada, *OLD)
    await begun(town, forum)
    assert shown(await suggest(town, "threshold", percent=100)) == "Related posts are suggested from 100 % on."
    silent = await forum.post(town.bob, *NEW)
    await eventually(lambda: town.bot.rows("SELECT 1 FROM due_suggestions WHERE thread_id = ?", silent.id))
    await eventually(lambda: not town.bot.rows("SELECT 1 FROM due_suggestions WHERE thread_id = ?", silent.id))

    audit = shown(await (await town.ada.slash(town.square, "index audit")).answer())
    assert "had related posts shown from 100 % on (0: as the bot sees fit)" in audit
    answer = shown(await suggest(town, "threshold", percent=0))
    assert answer == "From where on posts are suggested is left to the bot."
    await nothing_is_suggested(town, silent, in_=forum)
