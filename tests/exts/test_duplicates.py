"""Marking duplicates, and what is asked again and again, as people see them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import discord
import pytest
from live import eventually, running
from standin import Answer, Discord, NotAllowed, Person
from standin.channels import Channel
from standin.messages import Message
from town import CONNECT, VIEW, Town, shown

MENU = "Mark as duplicate of..."
BEGAN = datetime(2026, 1, 5, 12, tzinfo=UTC)  # a Monday
NOT_ALLOWED = "Only who wrote the message, and members with the permission Manage Messages here, may do that."
NOT_KEPT = "That message is not stored here, so nothing can be noted of it."
NOT_FOUND = "There is no such message that you may see."
ITSELF = "That one is marked as a duplicate of this message: take that mark off first."
NOTHING_LIKE_IT = "Nothing that you may read is like this message."
NOT_SHOWN = "There is no reply below the message"
NOT_HERE = "This works in servers that the bot is a member of only: ask there."
OF_ANOTHER = "This answer was given to somebody else: please ask for yourself."
QUESTIONS = ["when does the ferry leave", "what time does the ferry leave", "when will the ferry leave today"]
MANAGE_MESSAGES = discord.Permissions(manage_messages=True)
SEND = discord.Permissions(send_messages=True)


async def ferries(town: Town) -> list[Message]:
    """Three questions of Bob's that are alike, a week after one another, the oldest first."""
    messages = town.square.seed(town.bob, QUESTIONS, start=BEGAN, step=timedelta(days=7))
    await town.index()
    return messages


async def ferries_with_a_hidden_one(town: Town) -> list[Message]:
    """The same, and the second and one in a channel that Bob may not read are marked as duplicates of the first."""
    first, second, third = await ferries(town)
    cabin = town.private("cabin")
    hidden = await cabin.post(town.ada, "ferry, when does it leave")
    await eventually(lambda: len(town.bot.texts(town.guild.id)) == 4)
    await town.settled()
    for message in (second, hidden):
        await marked(town.ada, message, first)
    return [first, second, third]


async def offered(person: Person, message: Message, *, force: bool = False) -> Answer:
    return await (await person.menu(message.channel, MENU, message, force=force)).answer()


def menu_of(answer: Answer) -> dict:
    """The menu of an answer as Discord has it."""
    [menu] = [part for row in answer.components for part in row["components"] if part["type"] == 3]
    return menu


def values(answer: Answer) -> list[str]:
    return [option["value"] for option in menu_of(answer)["options"]]


async def chosen(person: Person, answer: Answer, original: Message) -> Answer:
    """What a person sees after choosing a candidate."""
    choice = await person.choose(answer, menu_of(answer)["custom_id"], [str(original.id)])
    return await choice.answer()


async def marked(person: Person, message: Message, original: Message) -> Answer:
    return await chosen(person, await offered(person, message), original)


async def pressed(person: Person, answer: Answer, button: str) -> Answer:
    return await (await person.press(answer, button, force=True)).answer()


def links(town: Town) -> dict[int, int]:
    """What is stored as a duplicate of what."""
    sql = "SELECT message_id, original_id FROM duplicates WHERE guild_id = ?"
    return dict(town.bot.rows(sql, town.guild.id))


def replies(channel: Channel, town: Town) -> list[Message]:
    """What the bot wrote in a channel below messages of others."""
    return [m for m in channel.messages if m.author is town.discord.bot and m.type == 19 and not m.is_deleted]


async def repeats(person: Person, where: Channel, **options: object) -> Answer:
    return await (await person.slash(where, "duplicates", **options)).answer()


# --- marking


async def test_a_moderator_marks_a_duplicate(town: Town) -> None:
    """The candidates are offered, the earlier first; the choice leads both ways, and a reply leads everybody."""
    first, second, third = await ferries(town)
    answer = await offered(town.ada, second)
    assert answer.is_ephemeral
    assert shown(answer) == "Which message asked that before?"
    assert values(answer) == [str(first.id), str(third.id)]
    option = menu_of(answer)["options"][0]
    assert option["label"] == QUESTIONS[0]
    assert option["description"] == f"{town.bob.name} in #square, 2026-01-05"

    done = await chosen(town.ada, answer, first)
    assert done.is_ephemeral
    assert done.embeds[0]["title"] == "Marked as a duplicate"
    assert first.url in shown(done)
    assert second.url in shown(done)
    assert "Asked 2 times, as far as you may read." in shown(done)
    assert links(town) == {second.id: first.id}

    [reply] = replies(town.square, town)
    assert reply.content == f"This was asked before: {first.url}"
    assert reply.reply_to is second
    acts = town.bot.rows("SELECT act, actor_id, detail FROM audit WHERE guild_id = ?", town.guild.id)
    assert ("marked", town.ada.id) in [act[:2] for act in acts]
    assert not any(str(message.id) in act[2] for act in acts for message in (first, second))


async def test_an_author_marks_their_own_message(town: Town) -> None:
    """Without any permission; the audit tells nothing of it, and in Japanese it is told in Japanese."""
    hanako = town.newcomer("hanako", locale="ja")
    [first] = town.square.seed(town.bob, QUESTIONS[:1], start=BEGAN)
    own = await town.square.post(hanako, QUESTIONS[1])
    await town.index()

    answer = await offered(hanako, own)
    assert shown(answer) == "同じことを前に尋ねたのはどのメッセージですか?"
    done = await chosen(hanako, answer, first)
    assert done.embeds[0]["title"] == "重複として印を付けました"
    assert done.buttons == ["重複ではない"]
    assert links(town) == {own.id: first.id}
    assert town.bot.rows("SELECT 1 FROM audit WHERE guild_id = ? AND act = 'marked'", town.guild.id) == []


async def test_others_may_not_mark(town: Town) -> None:
    """Who neither wrote it nor manages messages there is told so, also when they lost that while they chose."""
    first, second, _ = await ferries(town)
    carol = town.newcomer("carol")
    assert shown(await offered(carol, second)) == NOT_ALLOWED

    await town.square.overwrite(carol, allow=MANAGE_MESSAGES)
    answer = await offered(carol, second)
    await town.square.overwrite(carol, deny=MANAGE_MESSAGES)
    assert shown(await chosen(carol, answer, first)) == NOT_ALLOWED
    assert links(town) == {}

    done = await marked(town.ada, second, first)
    with pytest.raises(NotAllowed):
        await carol.press(done, "Not a duplicate")
    assert shown(await pressed(carol, done, "Not a duplicate")) == NOT_ALLOWED
    assert links(town) == {second.id: first.id}


async def test_candidates_are_those_that_the_asker_may_read(town: Town) -> None:
    """A channel that they may not read is not offered from, and one that was closed meanwhile is told as not there."""
    cabin = town.private("cabin", town.bob)
    hidden = await cabin.post(town.bob, QUESTIONS[0])
    carol = town.newcomer("carol")
    own = await town.square.post(carol, QUESTIONS[1])
    await town.index()
    assert shown(await offered(carol, own)) == NOTHING_LIKE_IT

    await cabin.overwrite(carol, allow=VIEW)
    answer = await offered(carol, own)
    assert values(answer) == [str(hidden.id)]
    await cabin.overwrite(carol, deny=VIEW)
    assert shown(await chosen(carol, answer, hidden)) == NOT_FOUND
    assert links(town) == {}


async def test_nobody_is_led_to_what_they_may_not_read(town: Town) -> None:
    """Where not everyone in the channel may read the original, it is marked and no reply tells of it."""
    cabin = town.private("cabin", town.bob)
    hidden = await cabin.post(town.bob, QUESTIONS[0])
    own = await town.square.post(town.bob, QUESTIONS[1])
    await town.index()

    done = await marked(town.bob, own, hidden)
    assert done.embeds[0]["footer"]["text"].startswith(NOT_SHOWN)
    assert links(town) == {own.id: hidden.id}
    assert replies(town.square, town) == []


async def test_where_the_bot_may_not_write_it_does_not_reply(town: Town) -> None:
    """The mark is made and the moderator is told."""
    first, second, _ = await ferries(town)
    await town.square.overwrite(town.discord.bot, deny=SEND)

    done = await marked(town.ada, second, first)
    assert done.embeds[0]["footer"]["text"].startswith(NOT_SHOWN)
    assert links(town) == {second.id: first.id}


async def test_a_duplicate_of_a_duplicate_leads_to_the_first(town: Town) -> None:
    """The original is offered in its place; marked itself later, it takes its duplicates and their replies along."""
    first, second, third = await ferries(town)
    await marked(town.ada, third, second)
    assert values(await offered(town.ada, second)) == [str(first.id)]
    assert ITSELF not in shown(await marked(town.ada, second, first))
    assert links(town) == {second.id: first.id, third.id: first.id}
    wanted = f"This was asked before: {first.url}"
    await eventually(lambda: [reply.content for reply in replies(town.square, town)] == [wanted, wanted])

    fourth = await town.square.post(town.bob, "when does the ferry leave tomorrow")
    await eventually(lambda: len(town.bot.texts(town.guild.id)) == 4)
    await town.settled()
    assert values(await offered(town.ada, fourth)) == [str(first.id)]


async def test_no_circle_is_made_by_two_who_mark_at_once(town: Town) -> None:
    """A candidate that became a duplicate of the message meanwhile is refused."""
    first, second, _ = await ferries(town)
    answer = await offered(town.ada, first)
    await marked(town.ada, second, first)

    assert shown(await chosen(town.ada, answer, second)) == ITSELF
    assert links(town) == {second.id: first.id}


async def test_marking_again_moves_the_mark_and_its_reply(town: Town) -> None:
    """The menu tells what is marked; another choice has the one reply lead there."""
    first, second, third = await ferries(town)
    await marked(town.ada, third, first)
    answer = await offered(town.ada, third)
    assert f"It is marked as a duplicate of [this one]({first.url})." in shown(answer)

    await chosen(town.ada, answer, second)
    assert links(town) == {third.id: second.id}
    await eventually(
        lambda: [reply.content for reply in replies(town.square, town)] == [f"This was asked before: {second.url}"]
    )


async def test_a_mark_is_taken_off(town: Town) -> None:
    """The button takes the mark and the reply away, once, and the audit has it."""
    first, second, _ = await ferries(town)
    done = await marked(town.ada, second, first)

    gone = await pressed(town.ada, done, "Not a duplicate")
    assert gone.content == "The message is not marked as a duplicate any more."
    assert (gone.embeds, gone.buttons) == ([], [])
    assert links(town) == {}
    await eventually(lambda: not replies(town.square, town))
    acts = town.bot.rows("SELECT act FROM audit WHERE guild_id = ? AND act = 'unmarked'", town.guild.id)
    assert acts == [("unmarked",)]
    await eventually(lambda: not town.bot.rows("SELECT 1 FROM duplicate_replies WHERE guild_id = ?", town.guild.id))


@pytest.mark.parametrize("happens", ["original deleted", "duplicate deleted", "original rewritten", "channel closed"])
async def test_the_reply_goes_where_it_no_longer_holds(town: Town, happens: str) -> None:
    """When either message is deleted, when the original says something else, when not all may read it any more."""
    hall = town.guild.text("hall")
    first = await hall.post(town.bob, QUESTIONS[0])
    second = await town.square.post(town.bob, QUESTIONS[1])
    await town.index()
    await marked(town.ada, second, first)
    assert len(replies(town.square, town)) == 1

    match happens:
        case "original deleted":
            await first.delete()
        case "duplicate deleted":
            await second.delete()
        case "original rewritten":
            await first.edit("we bake bread")
        case "channel closed":
            await hall.overwrite(town.guild.everyone, deny=VIEW)
            await hall.overwrite(town.discord.bot, allow=VIEW | CONNECT)
    await eventually(lambda: not replies(town.square, town))
    await eventually(lambda: not town.bot.rows("SELECT 1 FROM duplicate_replies WHERE guild_id = ?", town.guild.id))


async def test_a_message_that_is_not_stored_is_told_so(town: Town) -> None:
    """Nothing can be noted of what the bot does not keep; without text nothing can be compared."""
    message = await town.square.post(town.bob, QUESTIONS[0])
    assert shown(await offered(town.ada, message)) == NOT_KEPT


async def test_b29_the_menu_and_the_list_work_in_servers_alone(town: Town) -> None:
    """In a direct message both are told where to ask."""
    message = await town.discord.direct(town.bob).post(town.bob, "hello")

    assert shown(await offered(town.bob, message, force=True)) == NOT_HERE
    assert shown(await (await town.bob.slash(None, "duplicates", force=True)).answer()) == NOT_HERE


async def test_b9_nobody_is_mentioned_by_a_mark(town: Town) -> None:
    """Neither the reply nor what is offered and shown acts on anybody; spoilers stay covered in the menu."""
    text = f"@everyone {town.ada.mention} when does the ferry leave ||at noon||"
    first = await town.square.post(town.bob, text)
    second = await town.square.post(town.bob, QUESTIONS[1])
    await town.index()

    answer = await offered(town.ada, second)
    assert "noon" not in menu_of(answer)["options"][0]["label"]
    done = await chosen(town.ada, answer, first)
    assert "@" not in shown(done).replace(r"\@", "")
    [reply] = replies(town.square, town)
    assert not reply.is_ringing
    assert reply.content == f"This was asked before: {first.url}"


# --- what Find similar tells


async def test_similar_tells_how_often_something_was_asked(town: Town) -> None:
    """The original has a counter of what the asker may read, and a duplicate a way to it."""
    first, _, third = await ferries_with_a_hidden_one(town)

    by_owner, by_bob = [shown(await town.similar(person, "ferry leave")) for person in (town.ada, town.bob)]
    assert "-# asked 3 times" in by_owner
    assert "-# asked 2 times" in by_bob
    for told in (by_owner, by_bob):
        assert f"-# asked before, [here]({first.url})" in told
    assert third.url in by_bob


# --- /duplicates


async def test_what_is_asked_again_and_again_is_listed(town: Town) -> None:
    """How often, since when, a quote, the first answer, and in which weeks; for the asker alone."""
    first, second, third = await ferries(town)
    reply = await town.square.post(town.ada, "at noon", reply_to=second)
    await eventually(lambda: "at noon" in town.bot.texts(town.guild.id))
    for message in (second, third):
        await marked(town.ada, message, first)

    answer = await repeats(town.bob, town.square)
    assert answer.is_ephemeral
    told = shown(answer)
    since = int(BEGAN.timestamp())
    assert f"**1.** Asked **3** times since <t:{since}:D>" in told
    assert QUESTIONS[0] in told
    assert f"[first answered here]({reply.url})" in told
    assert f"[First asked]({first.url})" in told
    [picture] = answer.files
    assert picture.startswith(b"\x89PNG")
    assert "2 times from the week of 2026-01-12 to that of 2026-01-19" in answer.attachments[0]["description"]
    assert answer.embeds[0]["footer"]["text"] == "No more"
    assert answer.buttons == []


async def test_only_what_the_asker_may_read_is_counted(town: Town) -> None:
    """A question in a channel that they may not read is neither listed nor counted."""
    await ferries_with_a_hidden_one(town)

    assert "Asked **3** times" in shown(await repeats(town.ada, town.square))
    assert "Asked **2** times" in shown(await repeats(town.bob, town.square))


async def test_the_list_can_be_narrowed(town: Town) -> None:
    """To what was asked since a day, in a channel; in Japanese for who speaks that; nothing is told in a sentence."""
    first, second, third = await ferries(town)
    for message in (second, third):
        await marked(town.ada, message, first)
    hall = town.guild.text("hall")
    hanako = town.newcomer("hanako", locale="ja")

    assert "Asked **1** times" in shown(await repeats(town.bob, town.square, since="2026-01-15"))
    assert "Asked **3** times" in shown(await repeats(town.bob, town.square, channel=town.square))
    assert shown(await repeats(town.bob, town.square, channel=hall)).startswith("Nothing that you may read is marked")
    assert "is no date" in shown(await repeats(town.bob, town.square, since="soon"))
    assert "**1**回" in shown(await repeats(hanako, town.square, since="2026-01-15"))


async def test_the_list_is_turned_by_the_asker_alone(town: Town) -> None:
    """Five questions a page, forward and back."""
    texts = [f"question number {n} about {thing}" for n in range(6) for thing in ("ferries", "bread")]
    messages = town.square.seed(town.bob, texts, start=BEGAN)
    await town.index()
    for n in range(6):
        original, duplicate = messages[2 * n : 2 * n + 2]
        await marked(town.ada, duplicate, original)

    answer = await repeats(town.bob, town.square)
    assert answer.embeds[0]["footer"]["text"] == "1 more"
    assert answer.buttons == ["Next"]
    refusal = await pressed(town.ada, answer, "Next")
    assert shown(refusal) == OF_ANOTHER
    await pressed(town.bob, answer, "Next")
    assert shown(answer).startswith("**6.**")
    assert answer.buttons == ["Previous"]
    await pressed(town.bob, answer, "Previous")
    assert shown(answer).startswith("**1.**")


async def test_the_controls_outlive_a_restart(tmp_path: Path) -> None:
    """After one, the menu marks, the button takes the mark off with its reply, and the list is turned."""
    async with Discord.open() as local:
        ada, bob = local.person("ada"), local.person("bob")
        guild = local.guild("Town", owner=ada)
        guild.join(bob)
        async with running(local, tmp_path / "data") as bot:
            town = Town(local, bot, guild, ada, bob, guild.text("square"))
            texts = [f"question number {n} about {thing}" for n in range(6) for thing in ("ferries", "bread")]
            messages = town.square.seed(bob, texts, start=BEGAN)
            first, second, _ = await ferries(town)
            for n in range(6):
                await marked(ada, messages[2 * n + 1], messages[2 * n])
            answer, listed = await offered(ada, second), await repeats(bob, town.square)
        await local.disconnected()
        async with running(local, tmp_path / "data") as bot:
            town.bot = bot
            done = await chosen(ada, answer, first)
            assert links(town)[second.id] == first.id
            await eventually(lambda: len(replies(town.square, town)) == 7)
        await local.disconnected()
        async with running(local, tmp_path / "data") as bot:
            town.bot = bot
            gone = await pressed(ada, done, "Not a duplicate")
            assert gone.content == "The message is not marked as a duplicate any more."
            assert second.id not in links(town)
            await eventually(lambda: len(replies(town.square, town)) == 6)
            await pressed(bob, listed, "Next")
            assert shown(listed).startswith("**6.**")
