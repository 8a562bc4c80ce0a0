"""The beginning of indexing where it costs money: what is told, who may agree, and what a budget does then."""

from collections.abc import AsyncIterator
from pathlib import Path

import discord
import pytest
import pytest_asyncio
from faults.paid_town import PaidTown, paid_town
from live import eventually
from standin import Answer
from standin.channels import Channel
from town import shown

NOT_ALLOWED = "Only members with the permission Manage Server may do that."
PRICED = {"EMBEDDING_PRICE_USD": "1"}  # a dollar for a million tokens
ASKED = "Every message that is stored is embedded with openai:"
STARTED = ("Indexing has begun.", "Reading the history", "The history has been read")
NO_BUDGET = "This server has no budget of its own."


@pytest_asyncio.fixture(loop_scope="session")
async def paid() -> AsyncIterator[PaidTown]:
    async with paid_town() as town:
        yield town


async def start(town: PaidTown, *, channel: Channel | None = None) -> Answer:
    """What Ada is asked before anything begins."""
    return await (await town.ada.slash(town.square, "index start", channel=channel)).answer()


def is_indexed(town: PaidTown) -> bool:
    return bool(town.bot.rows("SELECT 1 FROM coverage WHERE is_indexed"))


async def test_a_start_tells_what_it_costs_and_begins_when_somebody_agrees(paid: PaidTown, tmp_path: Path) -> None:
    """Nothing is stored before the button is pressed; after it everyone sees how far reading has come, and no costs."""
    paid.square.seed(paid.bob, 5)
    async with paid.running(tmp_path / "data", **PRICED):
        answer = await start(paid)
        lines = answer.content.splitlines()
        assert lines[0].startswith(ASKED)
        assert lines[0].endswith("which is paid for. Begin?")
        assert lines[1:5] == [
            "How many messages there are Discord does not tell beforehand.",
            (
                "1,000 messages are about 20,000 tokens if they are as short as chat mostly is; "
                "nothing is stored yet to measure it by."
            ),
            "That makes about US$ 0.0200 for 1,000 messages, or 20.00 for a million.",
            "This server has no budget of its own: /index budget sets one.",
        ]
        assert "at least 200 seconds" in lines[5]
        assert answer.buttons == ["Start", "Cancel"]
        assert answer.is_ephemeral
        assert not is_indexed(paid)
        assert paid.api.requests == []

        pressed = await (await paid.ada.press(answer, "Start")).answer()
        assert not pressed.is_ephemeral
        assert pressed.content.startswith(STARTED)
        await eventually(lambda: pressed.refresh().content.startswith("The history has been read"))
        await eventually(lambda: answer.message.is_deleted)
        assert len(paid.bot.texts(paid.guild.id)) == 5


async def test_without_a_price_the_start_says_so(paid: PaidTown, tmp_path: Path) -> None:
    """Of a server whose prices nobody has told only tokens are told; one that is free is begun at once."""
    async with paid.running(tmp_path / "data"):
        answer = await start(paid)
        assert "What that costs is not known: ask who runs the bot." in answer.content.splitlines()
        assert "US$" not in answer.content
    async with paid.running(tmp_path / "data", EMBEDDING_PRICE_USD="0"):
        answer = await start(paid)
        assert answer.content.startswith(STARTED)


async def test_whoever_cancels_begins_nothing(paid: PaidTown, tmp_path: Path) -> None:
    """The question is gone, and with it the buttons."""
    async with paid.running(tmp_path / "data", **PRICED):
        answer = await start(paid)
        await (await paid.ada.press(answer, "Cancel")).answer()

        assert (answer.content, answer.buttons) == ("Nothing was begun.", [])
        assert not is_indexed(paid)


@pytest.mark.parametrize("button", ["Start", "Cancel"])
async def test_the_buttons_are_for_those_who_manage_the_server(paid: PaidTown, tmp_path: Path, button: str) -> None:
    """Whoever presses, of those who may not manage the server at that moment none changes anything."""
    stewards = paid.guild.role("stewards", permissions=discord.Permissions(manage_guild=True))
    steward = paid.newcomer("steward", roles=[stewards])
    async with paid.running(tmp_path / "data", **PRICED):
        answer = await (await steward.slash(paid.square, "index start")).answer()
        await paid.guild.take(steward, stewards)
        for person in (paid.bob, steward):
            refused = await (await person.press(answer, button, force=True)).answer()
            assert (refused.content, refused.is_ephemeral) == (NOT_ALLOWED, True), person
        assert answer.content.startswith(ASKED)
        assert not is_indexed(paid)


async def test_the_buttons_outlive_a_restart_and_know_their_channel(paid: PaidTown, tmp_path: Path) -> None:
    """Pressed after a restart, the button begins what the command was about, and no more than that."""
    market = paid.guild.text("market")
    await market.post(paid.bob, "apples")
    await paid.square.post(paid.bob, "pigeons")
    async with paid.running(tmp_path / "data", **PRICED):
        answer = await start(paid, channel=market)
    async with paid.running(tmp_path / "data", **PRICED):
        shown = await (await paid.ada.press(answer, "Start")).answer()
        await eventually(lambda: shown.refresh().content.startswith("The history has been read"))

        assert paid.bot.texts(paid.guild.id) == ["apples"]
        assert paid.bot.rows("SELECT channel_id, is_indexed FROM coverage") == [(market.id, 1)]


async def test_a_channel_that_was_closed_meanwhile_is_not_begun(paid: PaidTown, tmp_path: Path) -> None:
    """The button looks again whether the bot may read the channel."""
    market = paid.guild.text("market")
    async with paid.running(tmp_path / "data", **PRICED):
        answer = await start(paid, channel=market)
        await market.delete()
        refused = await (await paid.ada.press(answer, "Start")).answer()

        assert refused.content.startswith("The bot may not read that channel")
        assert not is_indexed(paid)


async def test_a_budget_stops_embedding_and_answers_say_so(paid: PaidTown, tmp_path: Path) -> None:
    """From there on messages wait, words are looked for, and a higher budget lets it go on at once."""
    async with paid.running(tmp_path / "data", **PRICED):
        await paid.index()
        await paid.say("the ferry leaves at noon")
        await paid.paid()
        assert await budget(paid, 0.00001) == [
            *await usage(paid),
            (
                "This server may cost US$ 0.00 a month; then messages wait for their embedding, "
                "and words alone are looked for."
            ),
            (
                "The month's budget is spent: messages are stored and wait for their embedding, "
                "and words alone are looked for, until next month or a higher /index budget."
            ),
        ]
        await paid.say("the ferry was late")
        asked = await paid.asked("ferry")
        assert "the ferry leaves at noon" in asked
        footer = (await (await paid.ada.slash(paid.square, "similar", text="ferry")).answer()).embeds[0]["footer"]
        assert "What comparing meanings may cost is spent for this month" in footer["text"]
        meaning = await (await paid.ada.slash(paid.square, "similar", text="ferry", mode="meaning")).answer()
        assert meaning.content.startswith("What comparing meanings may cost is spent for this month: ask by words")
        assert paid.bot.n_waiting() == 1
        assert "ferry was late" not in "".join(paid.bought())

        assert (await budget(paid, 0))[-1] == NO_BUDGET
        await paid.paid()


async def test_the_budget_of_the_installation_is_told_apart(paid: PaidTown, tmp_path: Path) -> None:
    """Where all that the operator allows is spent, a server's own budget is not what is to be raised."""
    async with paid.running(tmp_path / "data", **PRICED, EMBED_MONTHLY_BUDGET_USD="0.00001"):
        await paid.index()
        await paid.say("the ferry leaves at noon", "the tram is late")
        await eventually(lambda: "100 % of the budget of all servers" in paid.bot.said)
        lines = shown(await (await paid.ada.slash(paid.square, "index status")).answer()).splitlines()

        assert any(line.startswith("What the operator allows for this month is spent") for line in lines)


async def test_no_manager_goes_beyond_what_the_operator_allows_a_server(paid: PaidTown, tmp_path: Path) -> None:
    """A higher budget is answered with what holds, and what is spent is not said to go on with one."""
    async with paid.running(tmp_path / "data", **PRICED, EMBED_SERVER_BUDGET_USD="0.00001"):
        await paid.index()
        await paid.say("the ferry leaves at noon", "the tram is late")
        await eventually(lambda: f"100 % of the budget of server {paid.guild.id}" in paid.bot.said)

        assert (await budget(paid, 5))[-2:] == [
            (
                "The operator allows this server US$ 0.00 a month; then messages wait for their embedding, "
                "and words alone are looked for."
            ),
            (
                "What the operator allows for this month is spent: messages are stored and wait for their embedding, "
                "and words alone are looked for, until next month."
            ),
        ]


async def test_a_budget_is_for_managers(paid: PaidTown, tmp_path: Path) -> None:
    """Who may not manage the server sets no budget; without a price the answer says that it cannot act."""
    async with paid.running(tmp_path / "data"):
        refused = await paid.bob.slash(paid.square, "index budget", dollars=5, force=True)
        assert (await refused.answer()).content == NOT_ALLOWED
        assert paid.bot.rows("SELECT * FROM budgets") == []

        lines = await budget(paid, 5)
        assert lines[-1].startswith("The price of openai:")
        assert paid.bot.rows("SELECT * FROM budgets") == [(paid.guild.id, 5e6)]


async def test_a_budget_that_comes_first_goes_with_its_server(paid: PaidTown, tmp_path: Path) -> None:
    """Set before anything is indexed, it is in the audit, and its server is known, so that it can be removed."""
    async with paid.running(tmp_path / "data", **PRICED):
        await budget(paid, 5)
        told = shown(await (await paid.ada.slash(paid.square, "index audit")).answer())

        assert "had embeddings cost US$ 5.00 a month at most" in told
        assert paid.bot.rows("SELECT guild_id, name FROM servers") == [(paid.guild.id, "Town")]
        assert not is_indexed(paid)


async def budget(town: PaidTown, dollars: float) -> list[str]:
    """What Ada is told when she sets the budget."""
    return shown(await (await town.ada.slash(town.square, "index budget", dollars=dollars)).answer()).splitlines()


async def usage(town: PaidTown) -> list[str]:
    """What has been used, as /index status tells it."""
    answer = await (await town.ada.slash(town.square, "index status")).answer()
    return [line for line in shown(answer).splitlines() if " so far: " in line]
