"""/groups, as moderators see it."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import discord
import pytest
from live import eventually, running
from standin import Answer, Discord, NotAllowed, Person
from standin.messages import Message
from town import VIEW, Town, shown

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
NOTHING = "No messages say the same that often, among those that you may read."
GONE = "The groups of this page are no longer there, or you may no longer read them."
EXPIRED = "This answer is older than 15 minutes: please ask again."
OF_ANOTHER = "This answer was given to somebody else: please ask for yourself."
MANAGE_MESSAGES = discord.Permissions(manage_messages=True)
# Each said three times, in other words; no two of them are about the same thing.
SAID = (
    ("How do I reset my password?", "how can I reset my password", "How do I reset the password?"),
    ("The ferry leaves at noon", "the ferry leaves at noon!", "The ferry is leaving at noon"),
    ("Who wants to play chess tonight?", "who wants to play chess tonight", "Who would like to play chess tonight?"),
    ("My bread did not rise at all", "my bread did not rise at all!", "My bread didn't rise at all"),
    (
        "Free coins for everyone, click here",
        "free coins for everyone, click here!!",
        "FREE coins for everybody, click here",
    ),
    ("Is there a bus to the airport?", "is there a bus to the airport", "Is there any bus to the airport?"),
)


async def said(town: Town, *texts: tuple[str, ...]) -> list[Message]:
    """The texts of each group, stored, by Ada and Bob in turns, among others that are like none of them."""
    others = ["I painted the fence green", "Rain again in the mountains", "The museum is closed on Mondays"]
    messages = [
        message
        for number, text in enumerate([*(text for group in texts for text in group), *others])
        for message in town.square.seed((town.ada, town.bob)[number % 2], [text], start=BEGAN + timedelta(hours=number))
    ]
    await town.index()
    return messages


async def asked(town: Town, person: Person, **options: object) -> Answer:
    return await (await person.slash(town.square, "groups", **options)).answer(30)


async def pressed(person: Person, answer: Answer, button: str) -> Answer:
    return await (await person.press(answer, button, force=True)).answer()


def moderator(town: Town, **details: str) -> Person:
    return town.newcomer("mod", roles=[town.guild.role("mods", permissions=MANAGE_MESSAGES)], **details)


def quotes(answer: Answer) -> list[str]:
    return [line[2:] for line in shown(answer).splitlines() if line.startswith("> ")]


async def test_groups_are_shown_to_the_asker_alone(town: Town) -> None:
    """Size, authors, channels, first and last, and an example with a way to it; what was said once is in none."""
    messages = await said(town, *SAID[:2])
    answer = await asked(town, moderator(town))

    assert answer.is_ephemeral
    assert answer.content == ""
    text = shown(answer)
    assert text.count(f"3 messages · 2 authors · <#{town.square.id}> · <t:") == 2
    assert f"<t:{int(messages[0].at.timestamp())}:d> - <t:{int(messages[2].at.timestamp())}:d>" in text
    assert sorted(quotes(answer)[0] in group for group in SAID[:2]) == [False, True]
    assert any(f"[Jump]({message.url})" in text for message in messages[:6])
    assert answer.embeds[0]["footer"]["text"] == "No more. The 100 largest are shown."
    assert answer.buttons == ["1: all 3", "2: all 3"]


async def test_groups_are_turned_and_opened(town: Town) -> None:
    """Next and Previous show the other pages in place; a button lists the messages of a group."""
    messages = await said(town, *SAID)
    mod = moderator(town)
    answer = await asked(town, mod)
    first = quotes(answer)
    assert answer.buttons == ["Next", *(f"{n}: all 3" for n in range(1, 6))]

    await pressed(mod, answer, "Next")
    assert answer.buttons == ["Previous", "6: all 3"]
    listed = await pressed(mod, answer, "6: all 3")
    assert listed.is_ephemeral
    assert [shown(listed).count(message.url) for message in messages[:6]] == [1, 1, 1, 0, 0, 0]
    await pressed(mod, answer, "Previous")
    assert quotes(answer) == first


async def test_groups_are_narrowed(town: Town) -> None:
    """By when, where and how often; where nothing is left that is said."""
    hall = town.guild.text("hall")
    hall.seed(town.ada, SAID[2][:2], start=BEGAN)
    await said(town, *SAID[:2])
    mod = moderator(town)

    assert "2 messages" not in shown(await asked(town, mod))
    two = await asked(town, mod, channel=hall, **{"min-size": 2})
    assert f"2 messages · 1 author alone · <#{hall.id}>" in shown(two)
    assert len(quotes(two)) == 1
    assert shown(await asked(town, mod, channel=hall)) == NOTHING
    assert shown(await asked(town, mod, **{"min-size": 4})) == NOTHING
    assert shown(await asked(town, mod, since="1h")) == NOTHING
    assert len(quotes(await asked(town, mod, since="2026-01-01"))) == 2
    assert "is no date" in shown(await asked(town, mod, since="soon"))


async def test_groups_are_for_moderators_unless_a_server_says_otherwise(town: Town) -> None:
    """Who may not manage messages is not offered the command."""
    with pytest.raises(NotAllowed):
        await asked(town, town.bob)


async def test_only_what_the_moderator_may_read_is_counted(town: Town) -> None:
    """Hidden channels are in no count, no list and no quote, for one who is no owner."""
    vault = town.private("vault")
    hidden = vault.seed(town.ada, [*SAID[0], *SAID[3]], start=BEGAN)
    await said(town, SAID[0])
    mod = moderator(town)
    answer = await asked(town, mod)

    assert shown(answer).count("messages ·") == 1
    assert "3 messages · 2 authors" in shown(answer)
    assert str(vault.id) not in shown(answer)
    listed = await pressed(mod, answer, "1: all 3")
    assert not any(str(message.id) in shown(listed) for message in hidden)


async def test_b47_after_a_permission_was_lost_a_press_shows_nothing_of_it(town: Town) -> None:
    """Groups of a channel that the moderator may no longer read are on no page and open to nothing."""
    attic = town.guild.text("attic")
    attic.seed(town.ada, [text for group in SAID for text in group], start=BEGAN)
    await town.index()
    mod = moderator(town)
    answer = await asked(town, mod)
    opened = answer.buttons[1]

    await attic.overwrite(mod, deny=VIEW)
    listed = await pressed(mod, answer, opened)
    assert "password" not in shown(listed)
    assert str(attic.id) not in shown(listed)
    await pressed(mod, answer, "Next")
    assert shown(answer) == GONE
    assert answer.buttons == ["Previous"]
    await pressed(mod, answer, "Previous")
    assert shown(answer) == NOTHING
    assert answer.buttons == []


async def test_b47_what_was_deleted_is_no_longer_counted(town: Town) -> None:
    """A group of three is one of two after a deletion, and gone after the next."""
    messages = await said(town, *SAID)
    mod = moderator(town)
    answer = await asked(town, mod)
    await pressed(mod, answer, "Next")
    gone = messages[:2]

    await gone[0].delete()
    await eventually(lambda: not town.bot.rows("SELECT 1 FROM messages WHERE message_id = ?", gone[0].id))
    await pressed(mod, answer, "Previous")
    await pressed(mod, answer, "Next")
    assert "2 messages · " in shown(answer)
    await gone[1].delete()
    await eventually(lambda: not town.bot.rows("SELECT 1 FROM messages WHERE message_id = ?", gone[1].id))
    await pressed(mod, answer, "Previous")
    assert "Next" not in answer.buttons


async def test_b47_a_button_of_another_person_is_refused(town: Town) -> None:
    """Whoever presses a button under somebody else's groups is told so."""
    await said(town, *SAID)
    answer = await asked(town, moderator(town))

    refusal = await pressed(town.ada, answer, "Next")
    assert refusal.is_ephemeral
    assert shown(refusal) == OF_ANOTHER


async def test_a_japanese_moderator_is_answered_in_japanese(town: Town) -> None:
    """Words and buttons are in the language of the asker's client."""
    await said(town, *SAID)
    answer = await asked(town, moderator(town, locale="ja"))

    assert answer.embeds[0]["title"] == "同じことを言っているメッセージ"
    assert answer.embeds[0]["footer"]["text"] == "ほかに1グループ"
    assert "3件 · 2人 · " in shown(answer)
    assert answer.buttons == ["次へ", *(f"{n}番: 3件すべて" for n in range(1, 6))]


async def test_b9_nobody_is_mentioned_by_a_group(town: Town) -> None:
    """Mentions in what is quoted are shown as they were written, and none acts."""
    town.square.seed(town.bob, ["@everyone @here come to the party tonight"] * 3, start=BEGAN)
    await town.index()
    answer = await asked(town, moderator(town))

    assert "3 messages · 1 author alone" in shown(answer)
    assert "@" not in re.sub(r"\\@", "", shown(answer))


async def test_the_buttons_outlive_a_restart(tmp_path: Path) -> None:
    """Pressed after a restart, they turn and open what was found before it."""
    async with Discord.open() as local:
        ada, bob = local.person("ada"), local.person("bob")
        guild = local.guild("Town", owner=ada)
        guild.join(bob)
        async with running(local, tmp_path / "data") as bot:
            town = Town(local, bot, guild, ada, bob, guild.text("square"))
            await said(town, *SAID)
            answer = await asked(town, ada)
        await local.disconnected()
        async with running(local, tmp_path / "data"):
            await pressed(ada, answer, "Next")
            assert answer.buttons == ["Previous", "6: all 3"]
            listed = await pressed(ada, answer, "6: all 3")
            assert shown(listed).count("[Jump]") == 3


async def test_groups_that_are_no_longer_kept_are_told(town: Town) -> None:
    """After its time an answer cannot be turned, and the person is told to ask again."""
    message = town.square.compose(town.discord.bot, "an answer")
    button = {"type": 2, "style": 2, "custom_id": "groups:1:5"}
    message.change({"components": [{"type": 1, "components": [button]}]})
    town.square.put(message)

    assert shown(await (await town.bob.press(message, "groups:1:5")).answer()) == EXPIRED
