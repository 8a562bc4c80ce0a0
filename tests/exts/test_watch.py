"""/watch, from a command to a notice that moderators act on."""

import asyncio
import json
import re
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import discord
import pytest
from live import eventually, running
from standin import Answer, Discord, NotAllowed, Person
from standin.channels import Channel
from standin.messages import Message
from town import Town, shown

NOT_ALLOWED = "Only members with the permission Manage Server may do that."
MAY_NOT_MODERATE = "Only members with the permission Manage Messages here may do that."
MAY_NOT_WRITE = "The bot may not write in that channel: give it View Channel, Send Messages and Embed Links there."
OFF = "Waves are not watched for. /watch on begins it."
HIDDEN = "Alike messages were written where not everyone in this channel may read."
MANAGE_MESSAGES = discord.Permissions(manage_messages=True)
SEND = discord.Permissions(send_messages=True)
VERBS = ["on", "off", "status", "threshold"]
OPENINGS = (
    "Free Nitro for everyone,",
    "Free Discord Nitro for all of you,",
    "Nitro is free for everybody today,",
    "Get your free Nitro now,",
    "They are giving everyone free Nitro,",
)
MIDDLES = ("claim yours at", "just claim it at", "grab yours at", "get it here:")
ENDS = ("gift-nitro.example", "gift-nitro.example right now")
GIFTS = [" ".join(parts) for parts in product(OPENINGS, MIDDLES, ENDS)]
OFFER = ("Free Nitro for everyone, claim yours at", "Free Nitro for everybody here, claim yours at")
AFTER = ("", "!", " now", " today", " :)", " please", " quickly", " right now", ", hurry", " tonight")
COPIES = [f"{offer} gift-nitro.example{after}" for after in AFTER for offer in OFFER]
TALK = (
    "the ferry to the island leaves at noon",
    "has anybody seen my umbrella?",
    "I am baking bread this evening",
    "the library closes early on Fridays",
    "which guitar strings do you use?",
    "our cat has slept on the keyboard again",
    "the update broke my printer driver",
    "who wants to play chess tonight?",
    "there is fog over the harbour",
    "my train is an hour late",
    "the tomatoes are ripe at last",
    "I cannot find the settings page",
)
HELLOS = ("good morning everybody", "good morning everyone", "good morning, everybody!", "Good morning everybody :)")
Said = tuple[Person, Channel, str]


async def watch(town: Town, verb: str, *, by: Person | None = None, force: bool = False, **options: object) -> Answer:
    """What the owner or somebody else is answered to a command in the square."""
    interaction = await (by or town.ada).slash(town.square, f"watch {verb}", force=force, **options)
    return await interaction.answer()


async def watched(town: Town, **options: object) -> Channel:
    """A channel of the moderators, where waves in the server are told from now on."""
    answer = await town.begin()
    await eventually(lambda: "has been read" in answer.content, within=60)
    await eventually(lambda: not town.bot.n_waiting(), within=240)
    mods = town.private("mods")
    await watch(town, "on", channel=mods, **options)
    return mods


def crowd(town: Town, n: int) -> list[Person]:
    return [town.newcomer(f"{town.guild.id}-{i}") for i in range(n)]


async def poured(said: Iterable[Said], *, per_second: float) -> None:
    """Have people write at a rate."""
    began = time.monotonic()
    for n, (author, where, text) in enumerate(said):
        where.publish(where.compose(author, text), is_checked=False)
        await asyncio.sleep(max(began + n / per_second - time.monotonic(), 0))


def notices(where: Channel) -> list[Message]:
    return [message for message in where.messages if message.author.id == where.discord.bot.id]


def text_of(notice: Message) -> str:
    return notice.embeds[0]["description"] if notice.embeds else ""


def counted(notice: Message) -> tuple[int, int]:
    """How many messages of how many accounts a notice tells of."""
    found = re.search(r"\*\*([\d,]+) alike messages\*\* from (\w+) account", text_of(notice))
    return (0, 0) if found is None else (int(found[1].replace(",", "")), 1 if found[2] == "one" else int(found[2]))


async def one_notice(mods: Channel, *, within: float = 10) -> Message:
    await eventually(lambda: notices(mods), within=within)
    assert len(notices(mods)) == 1, [text_of(notice) for notice in notices(mods)]
    return notices(mods)[0]


# --- who may, and what is told


@pytest.mark.parametrize("verb", VERBS)
async def test_watch_is_for_those_who_manage_the_server(town: Town, verb) -> None:
    """Others are not shown the command, and one that they send all the same is refused and changes nothing."""
    options = {"channel": town.square} if verb == "on" else {}
    with pytest.raises(NotAllowed):
        await watch(town, verb, by=town.bob, **options)

    refusal = await watch(town, verb, by=town.bob, force=True, **options)
    assert refusal.is_ephemeral
    assert shown(refusal) == NOT_ALLOWED
    assert town.bot.rows("SELECT * FROM watches WHERE guild_id = ?", town.guild.id) == []


async def test_a_watch_is_turned_on_looked_at_and_turned_off(town: Town) -> None:
    """It is off at first; what was set is told, also in Japanese, and who did it is in the audit."""
    assert shown(await watch(town, "status")).splitlines() == [OFF, "Nothing was found yet."]
    assert shown(await watch(town, "off")) == OFF
    mods = await watched(town, messages=8, minutes=15)

    told = (
        f"Waves are told in {mods.mention}: at least 8 alike messages from 3 accounts within 15 minutes, "
        "or from one account in 3 channels."
    )
    assert shown(await watch(town, "status")).splitlines() == [told, "Nothing was found yet."]
    hanako = town.newcomer("hanako", locale="ja", roles=[town.guild.role("chief", permissions=1 << 5)])
    assert f"{mods.mention} に知らせます: 15 分以内に 3 人以上から 8 件以上" in shown(
        await watch(town, "status", by=hanako)
    )
    assert "not watched for any more" in shown(await watch(town, "off"))
    assert shown(await watch(town, "status")).splitlines()[0] == OFF
    audit = shown(await (await town.ada.slash(town.square, "index audit")).answer())
    assert f"had waves of alike messages told in {mods.mention}" in audit
    assert "had waves of alike messages told no more" in audit


async def test_a_channel_where_the_bot_may_not_write_is_refused(town: Town) -> None:
    """It is said at once, and nothing is watched."""
    closed = town.guild.text("closed", overwrites={town.discord.bot: (0, SEND)})

    assert shown(await watch(town, "on", channel=closed)) == MAY_NOT_WRITE
    assert shown(await watch(town, "on", channel=town.guild.category("halls"))) == MAY_NOT_WRITE
    assert shown(await watch(town, "status")).splitlines()[0] == OFF


# --- waves


async def test_a_wave_is_told_once_and_grows_in_place(town: Town) -> None:
    """Reworded copies of five accounts among other talk are one notice, which is edited; usual greetings are none."""
    people, now = crowd(town, 5), datetime.now(UTC)
    for days in (5, 4, 3, 2):
        town.square.seed(people[days - 2 :], HELLOS, start=now - timedelta(days=days), step=timedelta(hours=1))
    mods = await watched(town)
    market = town.guild.text("market")

    ordinary = [(people[n % 5], town.square, text) for n, text in enumerate(2 * HELLOS + TALK)]
    await poured(ordinary, per_second=50)
    await town.settled()
    gifts = [(people[n % 5], (town.square, market)[n % 2], text) for n, text in enumerate(COPIES[:20])]
    await poured(gifts[:8], per_second=50)
    notice = await one_notice(mods)
    await eventually(lambda: counted(notice) == (8, 5))
    assert notice.embeds[0]["title"] == "Many alike messages"
    assert {town.square.mention, market.mention} <= set(re.findall(r"<#\d+>", text_of(notice)))
    assert "nitro" in text_of(notice)
    assert text_of(notice).endswith("It goes on.")
    assert Answer(notice, None).buttons == ["Show", "This helped", "Dismiss", "Ignore this kind"]

    await poured(gifts[8:], per_second=50)
    await eventually(lambda: counted(notice) == (20, 5))
    assert notices(mods) == [notice]


async def test_show_gives_each_what_they_may_read(town: Town) -> None:
    """The presser alone is shown the messages, in pages; from a channel that is closed to them, none."""
    people = crowd(town, 4)
    secret = town.private("secret", *people)
    mods = await watched(town)
    await mods.overwrite(town.bob, allow=discord.Permissions(view_channel=True, read_message_history=True))
    await poured([(people[n % 4], secret, text) for n, text in enumerate(COPIES[:12])], per_second=50)
    notice = await one_notice(mods)
    await eventually(
        lambda: town.bot.rows("SELECT count(*) FROM wave_members WHERE guild_id = ?", town.guild.id) == [(12,)]
    )
    assert text_of(notice).splitlines()[0] == HIDDEN
    assert "nitro" not in json.dumps(notice.embeds).casefold()

    seen = await (await town.ada.press(notice, "Show")).answer()
    assert seen.is_ephemeral
    assert shown(seen).count("\n> ") == 10
    assert seen.buttons == ["Next"]
    await (await town.ada.press(seen, "Next")).answer()
    assert shown(seen).count("\n> ") == 2
    assert seen.buttons == ["Previous"]
    hidden = await (await town.bob.press(notice, "Show")).answer()
    assert shown(hidden) == "There is nothing of it that you may read."


async def test_moderators_dismiss_a_wave_or_ignore_its_kind(town: Town) -> None:
    """Only those with Manage Messages may; then no more is told of it, and of nothing like it; the audit has both."""
    people = crowd(town, 4)
    mods = await watched(town)
    view = discord.Permissions(view_channel=True)
    await mods.overwrite(town.bob, allow=view)
    await poured([(people[n % 4], town.square, text) for n, text in enumerate(COPIES[:8])], per_second=50)
    notice = await one_notice(mods)
    for button in ("This helped", "Dismiss", "Ignore this kind"):
        refusal = await (await town.bob.press(notice, button)).answer()
        assert refusal.is_ephemeral
        assert shown(refusal) == MAY_NOT_MODERATE

    await mods.overwrite(town.bob, allow=view | MANAGE_MESSAGES)
    await town.bob.press(notice, "Dismiss")
    await eventually(lambda: text_of(notice).endswith("It was dismissed: no more is told of it."))
    assert Answer(notice, None).buttons == ["Show", "Ignore this kind"]
    await town.bob.press(notice, "Ignore this kind")
    await eventually(lambda: text_of(notice).endswith("This kind is ignored from now on."))
    assert Answer(notice, None).buttons == ["Show"]
    before = counted(notice)
    await poured([(people[n % 4], town.square, text) for n, text in enumerate(COPIES[4:16])], per_second=50)
    await town.settled()
    assert counted(notice) == before
    assert notices(mods) == [notice]
    status = shown(await watch(town, "status"))
    assert "Kinds that are ignored: 1" in status
    assert f"/{mods.id}/{notice.id}): This kind is ignored from now on." in status
    audit = shown(await (await town.ada.slash(town.square, "index audit")).answer())
    assert "dismissed a notice of a wave" in audit
    assert "had a kind of alike messages ignored" in audit


async def test_what_is_deleted_goes_from_a_notice(town: Town) -> None:
    """Deleted messages are no longer counted nor quoted; when all are gone, it says so."""
    people = crowd(town, 4)
    mods = await watched(town)
    await poured([(people[n % 4], town.square, text) for n, text in enumerate(COPIES[:8])], per_second=50)
    notice = await one_notice(mods)
    await eventually(lambda: counted(notice) == (8, 4))
    gifts = [message for message in town.square.messages if message.content in COPIES]

    await town.square.bulk_delete(gifts[:6])
    await eventually(lambda: counted(notice) == (2, 2))
    await town.square.bulk_delete(gifts[6:])
    await eventually(lambda: text_of(notice).startswith("These messages are gone."))
    nothing = await (await town.ada.press(notice, "Show")).answer()
    assert shown(nothing) == "There is nothing of it that you may read."


async def test_one_account_across_channels_is_told(town: Town) -> None:
    """The same in three channels by one person is a wave."""
    mods = await watched(town)
    places = [town.square, town.guild.text("market"), town.guild.text("harbour")]
    await poured([(town.bob, place, text) for place, text in zip(places, COPIES[:3], strict=True)], per_second=50)

    assert counted(await one_notice(mods)) == (3, 1)


async def test_moderators_say_what_a_notice_was_worth(town: Town) -> None:
    """One verdict a wave, with a score and no text, which is counted by itself; a threshold holds once it is set."""
    people = crowd(town, 4)
    mods = await watched(town)
    await poured([(people[n % 4], town.square, text) for n, text in enumerate(COPIES[:8])], per_second=50)
    notice = await one_notice(mods)
    await town.ada.press(notice, "This helped")
    await eventually(lambda: Answer(notice, None).buttons == ["Show", "Dismiss", "Ignore this kind"])
    await town.ada.press(notice, "Dismiss")
    await eventually(lambda: text_of(notice).endswith("It was dismissed: no more is told of it."))

    said = town.bot.rows("SELECT subject, verdict FROM verdicts WHERE guild_id = ?", town.guild.id)
    assert said == [("waves", "helped")]
    counted_so_far = "Verdicts on waves so far: 1. Too few"
    assert counted_so_far in shown(await watch(town, "threshold"))
    assert counted_so_far in shown(await watch(town, "status"))
    status = shown(await (await town.ada.slash(town.square, "index status")).answer())
    assert counted_so_far in status
    assert "related posts" not in status
    applied = "Messages count as alike from 80 % on where waves are looked for."
    assert shown(await watch(town, "threshold", percent=80)) == applied
    assert applied in shown(await watch(town, "status"))
    assert "is left to the bot" in shown(await watch(town, "threshold", percent=0))
    audit = shown(await (await town.ada.slash(town.square, "index audit")).answer())
    assert "said that a notice of a wave helped" in audit
    assert "had messages count as alike from 80 % on" in audit


async def test_a_notice_goes_on_after_a_restart(tmp_path: Path) -> None:
    """It grows in place, there is no second one, and its buttons answer as before."""
    async with Discord.open() as local:
        ada, bob = local.person("ada"), local.person("bob")
        guild = local.guild("Town", owner=ada)
        guild.join(bob)
        async with running(local, tmp_path / "data") as bot:
            town = Town(local, bot, guild, ada, bob, guild.text("square"))
            people, mods = crowd(town, 4), await watched(town)
            await poured([(people[n % 4], town.square, text) for n, text in enumerate(COPIES[:8])], per_second=50)
            notice = await one_notice(mods)
            await eventually(lambda: counted(notice) == (8, 4))
        await local.disconnected()
        async with running(local, tmp_path / "data"):
            await poured([(people[n % 4], town.square, text) for n, text in enumerate(COPIES[8:16])], per_second=50)
            await eventually(lambda: counted(notice) == (16, 4), within=30)
            seen = await (await ada.press(notice, "Show")).answer()
            assert shown(seen).count("\n> ") == 10
            await ada.press(notice, "This helped")
            await eventually(lambda: "This helped" not in Answer(notice, None).buttons)
            await ada.press(notice, "Dismiss")
            await eventually(lambda: text_of(notice).endswith("It was dismissed: no more is told of it."))
            await ada.press(notice, "Ignore this kind")
            await eventually(lambda: text_of(notice).endswith("This kind is ignored from now on."))
            assert notices(mods) == [notice]
        await local.disconnected()
        async with running(local, tmp_path / "data"):
            await (await ada.press(seen, "Next")).answer()
            assert shown(seen).count("\n> ") == 6


def really_said(folder: Path, n: int) -> list[tuple[int, str]]:
    """What was really written, in its order, some of it, each with a number for its author."""
    [path] = (folder / "ubuntu-irc-en").glob("*ubuntu [[]418475099803611426].json")
    messages = json.loads(path.read_text("utf-8"))["messages"][:n]
    numbers: dict[str, int] = {}
    return [(numbers.setdefault(m["author"]["id"], len(numbers)), m["content"]) for m in messages]


async def test_a_wave_is_found_among_real_messages(town: Town, shared_data: Path) -> None:
    """Among 2,000 real messages, at 200 a second, 40 reworded copies by 12 accounts are told, and nothing else."""
    real, people, spammers = really_said(shared_data, 3_200), crowd(town, 50), crowd(town, 12)
    past = [text for _, text in real[:1_200]]
    town.square.seed(people, past, start=datetime.now(UTC) - timedelta(days=30), step=timedelta(minutes=10))
    mods = await watched(town)
    said: list[Said] = [(people[author % 50], town.square, text) for author, text in real[1_200:]]
    for n, text in enumerate(GIFTS):
        said.insert(800 + 20 * n, (spammers[n % 12], town.square, text))
    await poured(said, per_second=200)
    await eventually(lambda: not town.bot.n_waiting(), within=240)
    notice = await one_notice(mods, within=120)
    await eventually(lambda: counted(notice) >= (36, 12), within=60)
    assert notices(mods) == [notice]


def test_the_copies_differ() -> None:
    """There are forty different ones."""
    assert len(set(GIFTS)) == len(GIFTS) == 40
