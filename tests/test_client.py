"""The bot process: what it tells Discord, how it starts, fails to start, and ends."""

import asyncio
import contextlib
import signal
import time
from datetime import UTC, datetime, timedelta

import pytest
from live import eventually, launch, running
from standin import Discord

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def discord():
    async with Discord.open() as opened:
        yield opened


def synced(discord: Discord) -> int:
    return sum(method == "PUT" and route.endswith("/commands") for method, route, *_ in discord.requests)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_f30_a_signal_ends_it_cleanly_in_under_five_seconds(discord, tmp_path, number) -> None:
    """With work going on, a signal ends the process with exit code 0 and no traceback, and nothing is lost."""
    ada = discord.person("ada")
    square = discord.guild("Town", owner=ada).text("square")
    async with running(discord, tmp_path / "data") as bot:
        await (await ada.slash(square, "index start")).answer()
        texts = [f"the {n}th word of the prophet" for n in range(500)]
        for text in texts:
            await square.post(ada, text)
        await eventually(lambda: bot.rows("SELECT 1 FROM messages"))

        assert await bot.stop(number) < 5
    assert bot.process.returncode == 0
    assert "Traceback" not in bot.said

    async with running(discord, tmp_path / "data") as bot:
        await eventually(lambda: sorted(bot.texts(square.guild.id)) == sorted(texts))


async def test_f30_a_second_signal_changes_nothing(discord, tmp_path) -> None:
    """An impatient second Ctrl+C neither breaks closing off nor keeps the process alive."""
    ada = discord.person("ada")
    square = discord.guild("Town", owner=ada).text("square")
    async with running(discord, tmp_path / "data") as bot:
        await (await ada.slash(square, "index start")).answer()
        for n in range(2_000):
            await square.post(ada, f"the {n}th word of the prophet")
        for pause in (0.05, 0.05, 0):
            with contextlib.suppress(ProcessLookupError):  # it may have ended at the first
                bot.process.send_signal(signal.SIGINT)
            await asyncio.sleep(pause)

        # The last one may come when all is closed and nobody listens to signals any more.
        assert await bot.ended() in (0, -signal.SIGINT)
    assert "Traceback" not in bot.said


async def test_the_token_is_refused_in_one_sentence(discord, tmp_path) -> None:
    """A wrong token ends the start with a sentence that says where to get the right one."""
    bot = await launch(discord, tmp_path / "data", DISCORD_TOKEN="wrong.token.here")

    assert await bot.ended() == 1
    assert "Discord refuses DISCORD_TOKEN" in bot.said
    assert "Traceback" not in bot.said
    assert "wrong.token.here" not in bot.said


async def test_b41_a_missing_intent_says_what_to_click(discord, tmp_path) -> None:
    """Without the message content intent the start ends with the name of the switch, and does not try again."""
    discord.disallowed_intents = {"message_content"}
    bot = await launch(discord, tmp_path / "data")

    assert await bot.ended() == 1
    assert "MESSAGE CONTENT INTENT" in bot.said
    assert "Traceback" not in bot.said
    assert discord.identifies == 1


async def test_where_discord_cannot_be_reached_it_says_so(discord, tmp_path) -> None:
    """With nobody listening the start ends with one sentence."""
    bot = await launch(discord, tmp_path / "data", STANDIN_URL="http://127.0.0.1:9")

    assert await bot.ended() == 1
    assert "Discord cannot be reached" in bot.said
    assert "Traceback" not in bot.said


async def test_b40_every_settings_problem_is_told_at_once(discord, tmp_path) -> None:
    """Two wrong settings are two lines, and nothing is connected."""
    bot = await launch(discord, tmp_path / "data", LOG_LEVEL="LOUD", REMOVAL_GRACE_HOURS="-1")

    assert await bot.ended() == 1
    assert "LOG_LEVEL" in bot.said
    assert "REMOVAL_GRACE_HOURS" in bot.said
    assert discord.requests == []


async def test_commands_are_told_once_and_again_only_when_they_changed(discord, tmp_path) -> None:
    """The second start finds that Discord knows the commands already."""
    for _ in range(2):
        async with running(discord, tmp_path / "data"):
            pass
    assert synced(discord) == 1

    async with running(discord, tmp_path / "elsewhere"):
        pass
    assert synced(discord) == 2


async def test_without_a_server_it_says_how_to_be_invited(discord, tmp_path) -> None:
    """A bot that nobody has invited yet prints the link that invites it, with the two permissions it needs."""
    async with running(discord, tmp_path / "data") as bot:
        await eventually(lambda: "permissions=66560" in bot.said)
        assert f"client_id={discord.application_id}" in bot.said


async def test_b45_a_second_bot_on_the_same_folder_is_refused(discord, tmp_path) -> None:
    """The process that comes second says which one holds the folder."""
    async with running(discord, tmp_path / "data") as first:
        second = await launch(discord, tmp_path / "data")

        assert await second.ended() == 1
        assert f"process {first.process.pid}" in second.said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_reading_history_goes_on_after_a_restart(discord, tmp_path, number) -> None:
    """Ended in the middle of a history, the bot goes on from there and edits the same message to the end."""
    ada = discord.person("ada")
    square = discord.guild("Town", owner=ada).text("square")
    square.seed(ada, 2_000, start=BEGAN, step=timedelta(minutes=1))
    discord.fail("GET", "/channels/{channel_id}/messages", delay=0.05, times=1_000)
    async with running(discord, tmp_path / "data") as bot:
        answer = await (await ada.slash(square, "index start")).answer()
        await eventually(lambda: bot.rows("SELECT count(*) > 300 FROM messages") == [(1,)])
        await bot.stop(number)
    n_before = bot.rows("SELECT count(*) FROM messages")[0][0]
    assert n_before < 2_000
    pages = sum(route == "/channels/{channel_id}/messages" for _, route, *_ in discord.requests)

    began = time.monotonic()
    async with running(discord, tmp_path / "data") as bot:
        await eventually(lambda: bot.rows("SELECT count(*) FROM messages") == [(2_000,)], within=30)
        await eventually(lambda: "has been read" in answer.refresh().content)
    assert bot.rows("SELECT low_id FROM marks") == [(0,)]
    n_pages = sum(route == "/channels/{channel_id}/messages" for _, route, *_ in discord.requests) - pages
    n_compared = time.monotonic() - began  # a page a second, meanwhile
    assert n_pages <= (2_000 - n_before) / 100 + 3 + n_compared


async def test_f32_a_server_that_invites_the_bot_back_while_it_is_off_is_kept(discord, tmp_path) -> None:
    """Removed, and invited back before the next start: nothing goes, although the grace period is over."""
    ada = discord.person("ada")
    guild = discord.guild("Town", owner=ada)
    square = guild.text("square")
    async with running(discord, tmp_path / "data") as bot:
        await (await ada.slash(square, "index start")).answer()
        await square.post(ada, "words")
        await eventually(lambda: bot.texts(guild.id) == ["words"])
        await guild.remove_bot()
        await eventually(lambda: bot.rows("SELECT left_at IS NOT NULL FROM servers") == [(1,)])
    await guild.add_bot()

    async with running(discord, tmp_path / "data", REMOVAL_GRACE_HOURS="0") as bot:
        await square.post(ada, "more words")
        await eventually(lambda: bot.texts(guild.id) == ["words", "more words"])
        await eventually(lambda: bot.rows("SELECT left_at FROM servers") == [(None,)])
    assert bot.texts(guild.id) == ["words", "more words"]


async def test_i10_no_text_is_logged_at_any_level(discord, tmp_path) -> None:
    """With LOG_LEVEL=DEBUG neither a message nor a question nor the token is in the log."""
    ada = discord.person("ada")
    square = discord.guild("Town", owner=ada).text("square")
    async with running(discord, tmp_path / "data", LOG_LEVEL="DEBUG") as bot:
        await (await ada.slash(square, "index start")).answer()
        await square.post(ada, "xylophone")
        await eventually(lambda: bot.texts(square.guild.id) == ["xylophone"])
        await (await ada.slash(square, "similar", text="glockenspiel")).answer()
    assert "xylophone" not in bot.said
    assert "glockenspiel" not in bot.said
    assert discord.token not in bot.said


async def test_a_token_that_is_reset_ends_the_bot_with_a_sentence(discord, tmp_path) -> None:
    """When Discord closes the connection for a token that is no longer good, the bot says where to get another."""
    async with running(discord, tmp_path / "data") as bot:
        await discord.drop(code=4004)

        assert await bot.ended() == 1
    assert "Discord refuses DISCORD_TOKEN" in bot.said
    assert "Traceback" not in bot.said


async def test_what_was_heard_live_is_not_read_again_after_a_restart(discord, tmp_path) -> None:
    """What was written while the bot was off is asked for at the next start, beside each channel's newest page."""
    ada = discord.person("ada")
    guild = discord.guild("Town", owner=ada)
    square, market = guild.text("square"), guild.text("market")
    marks = "SELECT count(*) FROM marks WHERE (channel_id, high_id) IN (VALUES (?, ?), (?, ?))"

    async def word() -> list[int]:
        said = [await channel.post(ada, "word") for channel in (square, market)]
        await asyncio.sleep(0.2)
        return [number for message in said for number in (message.channel.id, message.id)]

    async with running(discord, tmp_path / "data") as bot:
        await (await ada.slash(square, "index start")).answer()
        # The reading that READY asks for comes seconds later; from its end on the marks follow what is said.
        for _ in range(100):
            if bot.rows(marks, *await word()) == [(2,)]:
                break
        n_stored = sum(message.author is ada for message in (*square.messages, *market.messages))
        await eventually(lambda: len(bot.texts(guild.id)) == n_stored)
    await market.post(ada, "while you were away")
    n_requests = len(discord.requests)

    async with running(discord, tmp_path / "data") as bot:
        await eventually(lambda: len(bot.texts(guild.id)) == n_stored + 1)
        await asyncio.sleep(1)
    asked = [request for request in discord.requests[n_requests:] if request.path.endswith("/messages")]
    assert {request.channel_id for request in asked if "after" in request.query} == {market.id}
    assert not any("before" in request.query for request in asked)


async def test_a_removed_server_goes_when_its_grace_is_over(discord, tmp_path) -> None:
    """Removed while it was down, the bot notices at the next start; without grace everything goes, the rest stays."""
    ada = discord.person("ada")
    gone, kept = discord.guild("Gone", owner=ada), discord.guild("Kept", owner=ada)
    squares = [guild.text("square") for guild in (gone, kept)]
    async with running(discord, tmp_path / "data") as bot:
        for square in squares:
            await (await ada.slash(square, "index start")).answer()
            await square.post(ada, "words")
        await eventually(lambda: bot.texts(gone.id) == bot.texts(kept.id) == ["words"])
    await gone.remove_bot()

    async with running(discord, tmp_path / "data", REMOVAL_GRACE_HOURS="0") as bot:
        await eventually(lambda: bot.rows("SELECT guild_id FROM servers") == [(kept.id,)], within=20)
    for table in ("messages", "embeddings", "pending", "channels", "marks", "coverage", "authors", "tombstones"):
        assert bot.rows(f"SELECT count(*) FROM {table} WHERE guild_id = ?", gone.id) == [(0,)]
    assert bot.texts(kept.id) == ["words"]


# --- servers that the bot is offered to

NOT_OFFERED = "This bot is not offered in this server."


async def test_a_stranger_is_told_that_the_bot_is_not_offered_there(discord, tmp_path) -> None:
    """Where other servers are named, nobody can start, set or ask anything, and nothing of the server is stored."""
    ada = discord.person("ada")
    square = discord.guild("Elsewhere", owner=ada).text("square")
    square.seed(ada, 3)
    async with running(discord, tmp_path / "data", ALLOWED_SERVERS="4711") as bot:
        refused = {
            "index start": {},
            "index budget": {"dollars": 5},
            "index include": {"kind": "voice", "on": True},
            "index retention": {"days": 5},
            "similar": {"text": "word"},
        }
        for command, options in refused.items():
            answer = await (await ada.slash(square, command, **options)).answer()
            assert (answer.content, answer.is_ephemeral) == (NOT_OFFERED, True)
        answer = await (await ada.menu(square, "Find similar", square.messages[0])).answer()
        assert answer.content == NOT_OFFERED
        status = await (await ada.slash(square, "index status")).answer()
        assert status.embeds[0]["description"].startswith(NOT_OFFERED)
        await square.post(ada, "a word")
        await bot.stop()

        tables = ("servers", "coverage", "messages", "budgets", "audit")
        assert [bot.rows(f"SELECT * FROM {table}") for table in tables] == [[]] * len(tables)


async def test_a_server_that_is_taken_off_the_list_stops(discord, tmp_path) -> None:
    """What is stored stays and keeps to edits and deletions; nothing is added, embedded or shown, and others go on."""
    ada = discord.person("ada")
    here, there = discord.guild("Here", owner=ada).text("square"), discord.guild("There", owner=ada).text("square")
    kept, edited, deleted = [await there.post(ada, f"the {n}th word") for n in range(3)]
    async with running(discord, tmp_path / "data") as bot:
        for square in (here, there):
            await (await ada.slash(square, "index start")).answer()
        await eventually(lambda: len(bot.texts(there.guild.id)) == 3 and not bot.n_waiting())
        shown = await (await ada.slash(there, "similar", text="the 0th word")).answer()
        assert shown.embeds
    await there.post(ada, "written while it was away")

    async with running(discord, tmp_path / "data", ALLOWED_SERVERS=f"{here.guild.id}, 4711") as bot:
        await there.post(ada, "written later")
        await edited.edit("another word")
        await deleted.delete()
        await here.post(ada, "here as ever")
        await eventually(lambda: bot.texts(here.guild.id) == ["here as ever"])
        await eventually(lambda: bot.texts(there.guild.id) == ["the 0th word", "another word"])
        await eventually(lambda: not bot.rows("SELECT 1 FROM pending WHERE guild_id = ?", here.guild.id))
        assert bot.rows("SELECT message_id FROM pending WHERE guild_id = ?", there.guild.id) == [(edited.id,)]
        assert (await (await ada.press(shown, "Share")).answer()).content == NOT_OFFERED
        assert (await (await ada.slash(there, "similar", text="word")).answer()).content == NOT_OFFERED
        assert (await (await ada.slash(here, "similar", text="ever")).answer()).embeds
        status = await (await ada.slash(there, "index status")).answer()
        lines = status.embeds[0]["description"].splitlines()
        assert lines[1] == (
            "What was stored of it before stays until it is removed; nothing is added, and nobody is answered."
        )
        assert lines[2].startswith("2 messages stored")
    assert kept.content == "the 0th word"
