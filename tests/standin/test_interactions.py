"""Interactions: the documented rules of callbacks, tokens and answers, through raw requests."""

import asyncio
import time
from typing import Any

import discord
import pytest

from standin import BadOption, Interaction, InteractionFailed, NotAllowed, UnknownCommand
from standin.clients import Listener, running
from standin.conftest import Raw, Town

COMMANDS = [
    {
        "name": "find",
        "description": "x",
        "options": [
            {"type": 3, "name": "text", "description": "x", "required": True, "max_length": 10},
            {"type": 7, "name": "where", "description": "x", "channel_types": [0]},
            {"type": 6, "name": "who", "description": "x"},
            {"type": 4, "name": "n", "description": "x", "max_value": 5},
            {"type": 5, "name": "flag", "description": "x"},
        ],
    },
    {"name": "admin", "description": "x", "default_member_permissions": 32, "contexts": [0]},
    {"name": "Find similar", "type": 3},
]
THINKING = {"type": 5, "data": {"flags": 64}}


class Bot:
    """Answers by hand."""

    def __init__(self, raw: Raw, town: Town) -> None:
        self.raw, self.town = raw, town

    async def asked(self, **options: Any) -> Interaction:
        return await self.town.bob.slash(self.town.channel, "find", **{"text": "x"} | options)

    async def call_back(self, interaction: Interaction, body: Any, **query: str) -> tuple[int, Any]:
        return await self.raw.ask("POST", f"/interactions/{interaction.id}/{interaction.token}/callback", body, **query)

    async def webhook(self, method: str, interaction: Interaction, path: str = "", body: Any = None) -> tuple[int, Any]:
        base = f"/webhooks/{self.town.discord.application_id}/{interaction.token}"
        return await self.raw.ask(method, base + path, body)


@pytest.fixture
async def bot(raw: Raw, town: Town) -> Bot:
    path = f"/applications/{town.discord.application_id}/commands"
    assert (await raw.ask("PUT", path, COMMANDS))[0] == 200
    return Bot(raw, town)


async def test_an_interaction_has_all_that_discord_sends(bot: Bot, town: Town, raw: Raw) -> None:
    """Options are typed and resolved, permissions are told for the member, the bot and each channel."""
    async with raw.gateway() as websocket:
        await bot.asked(where=town.channel, who=town.alice, n=3, flag=True)
        await websocket.receive_json()
        data = (await websocket.receive_json())["d"]
    chosen = {option["name"]: (option["type"], option["value"]) for option in data["data"]["options"]}
    assert chosen == {
        "text": (3, "x"),
        "where": (7, str(town.channel.id)),
        "who": (6, str(town.alice.id)),
        "n": (4, 3),
        "flag": (5, True),
    }
    resolved = data["data"]["resolved"]
    everyone = str(town.guild.everyone.permissions)
    assert resolved["channels"][str(town.channel.id)]["permissions"] == everyone
    assert resolved["users"][str(town.alice.id)]["username"] == "alice"
    assert resolved["members"][str(town.alice.id)]["permissions"] != everyone  # the owner may do more
    assert (data["member"]["permissions"], data["app_permissions"]) == (everyone, everyone)
    assert (data["locale"], data["guild_locale"], data["context"]) == ("ja", "en-US", 0)
    assert data["authorizing_integration_owners"] == {"0": str(town.guild.id)}


async def test_a_callback_is_taken_once(bot: Bot) -> None:
    """The second one is 40060."""
    interaction = await bot.asked()
    assert await bot.call_back(interaction, THINKING) == (204, None)
    assert "X-RateLimit-Limit" not in bot.raw.headers
    assert (await bot.call_back(interaction, THINKING))[1]["code"] == 40060


async def test_a_late_callback_finds_nothing(bot: Bot) -> None:
    """After three seconds, and for a wrong token, it is 404 with 10062."""
    interaction = await bot.asked()
    interaction.sent_at -= 3.1
    status, body = await bot.call_back(interaction, THINKING)
    assert (status, body["code"]) == (404, 10062)
    with pytest.raises(InteractionFailed, match="did not respond"):
        await interaction.answer()
    other = await bot.asked()
    other.token = "wrong"
    assert (await bot.call_back(other, THINKING))[1]["code"] == 10062


async def test_a_callback_tells_what_it_made_when_asked(bot: Bot) -> None:
    """A message comes with `resource`, a deferred answer without."""
    interaction = await bot.asked()
    body = {"type": 4, "data": {"content": "hello"}}
    status, told = await bot.call_back(interaction, body, with_response="true")
    assert (status, told["resource"]["message"]["content"]) == (200, "hello")
    status, told = await bot.call_back(deferred := await bot.asked(), THINKING, with_response="true")
    assert status == 200
    assert "resource" not in told
    assert told["interaction"]["id"] == str(deferred.id)
    assert told["interaction"]["response_message_loading"]
    assert told["interaction"]["response_message_ephemeral"]


async def test_callbacks_fit_the_interaction(bot: Bot) -> None:
    """A command has no message to update, and choices are for autocompletion."""
    for body in ({"type": 7, "data": {"content": "x"}}, {"type": 6}, {"type": 8, "data": {"choices": []}}):
        assert (await bot.call_back(await bot.asked(), body))[1]["code"] == 50035
    assert len(bot.town.discord.violations) == 3
    bot.town.discord.violations.clear()


async def test_a_long_or_empty_answer_is_refused(bot: Bot) -> None:
    """Callbacks, followups and edits have the limits of all messages."""
    interaction = await bot.asked()
    long = {"content": "x" * 2001}
    assert (await bot.call_back(interaction, {"type": 4, "data": long}))[0] == 400
    assert (await bot.call_back(interaction, {"type": 4, "data": {}}))[1]["code"] == 50006
    await bot.call_back(interaction, THINKING)
    assert (await bot.webhook("PATCH", interaction, "/messages/@original", long))[0] == 400
    assert (await bot.webhook("PATCH", interaction, "/messages/@original", {"content": ""}))[1]["code"] == 50006
    assert (await bot.webhook("POST", interaction, "", {"embeds": [{"description": "x" * 4000}] * 2}))[0] == 400
    assert len(bot.town.discord.violations) == 5
    bot.town.discord.violations.clear()


async def test_thinking_is_no_answer(bot: Bot) -> None:
    """The person waits until the deferred message is filled."""
    interaction = await bot.asked()
    await bot.call_back(interaction, THINKING)
    with pytest.raises(InteractionFailed, match="no answer"):
        await interaction.answer(timeout=0.05)
    assert not interaction.is_answered
    waiting = asyncio.create_task(interaction.answer())
    await bot.webhook("PATCH", interaction, "/messages/@original", {"content": "there"})
    answer = await waiting
    assert (answer.content, answer.is_ephemeral, answer.edited_count) == ("there", True, 0)
    await bot.webhook("PATCH", interaction, "/messages/@original", {"content": "changed"})
    assert (answer.content, answer.edited_count) == ("changed", 1)


async def test_the_first_followup_fills_what_was_deferred(bot: Bot) -> None:
    """The ephemeral flag of the deferral wins; the next one is a message of its own."""
    interaction = await bot.asked()
    await bot.call_back(interaction, THINKING)
    _, first = await bot.webhook("POST", interaction, "", {"content": "one"})
    _, second = await bot.webhook("POST", interaction, "", {"content": "two"})
    answer = await interaction.answer()
    assert (answer.content, str(answer.message_id), answer.is_ephemeral) == ("one", first["id"], True)
    assert [each.content for each in interaction.followups] == ["two"]
    assert bot.town.channel.messages == [interaction.followups[0].message]
    path = f"/messages/{second['id']}"
    assert (await bot.webhook("PATCH", interaction, path, {"content": "2"}))[1]["content"] == "2"
    assert (await bot.webhook("DELETE", interaction, path))[0] == 204
    assert (await bot.webhook("GET", interaction, path))[1]["code"] == 10008
    assert bot.town.channel.messages == []


async def test_tokens_live_a_quarter_of_an_hour(bot: Bot) -> None:
    """Afterwards they are invalid; before the callback there is no webhook, and of a stranger there never is."""
    interaction = await bot.asked()
    assert (await bot.webhook("POST", interaction, "", {"content": "x"}))[1]["code"] == 10015
    await bot.call_back(interaction, THINKING)
    assert (await bot.webhook("GET", interaction, "/messages/@original"))[0] == 200
    bot.town.discord.expire(interaction)
    status, body = await bot.webhook("PATCH", interaction, "/messages/@original", {"content": "x"})
    assert (status, body["code"]) == (401, 50027)
    interaction.token = "unknown"
    assert (await bot.webhook("GET", interaction, "/messages/@original"))[1]["code"] == 10015


async def test_public_answers_can_be_edited_as_messages_too(bot: Bot, town: Town, raw: Raw) -> None:
    """They are ordinary messages of the bot; ephemeral ones are not."""
    interaction = await bot.asked()
    await bot.call_back(interaction, {"type": 4, "data": {"content": "public"}})
    answer = await interaction.answer()
    path = f"/channels/{town.channel.id}/messages/{answer.message_id}"
    assert (await raw.ask("PATCH", path, {"content": "changed"}))[0] == 200
    assert answer.content == "changed"
    hidden = await bot.asked()
    await bot.call_back(hidden, {"type": 4, "data": {"content": "hidden", "flags": 64}})
    path = f"/channels/{town.channel.id}/messages/{(await hidden.answer()).message_id}"
    assert (await raw.ask("GET", path))[1]["code"] == 10008


async def test_a_pressed_button_updates_or_replies(bot: Bot, town: Town) -> None:
    """Types 6 and 7 change the pressed message, 4 and 5 add one; double clicks are two interactions."""
    buttons = [{"type": 2, "style": 1, "label": name, "custom_id": name} for name in ("A", "B")]
    off = {"type": 2, "style": 1, "label": "Off", "custom_id": "off", "disabled": True}
    await bot.call_back(
        asked := await bot.asked(),
        {"type": 4, "data": {"content": "x", "components": [{"type": 1, "components": [*buttons, off]}]}},
    )
    answer = await asked.answer()
    assert answer.buttons == ["A", "B"]
    first, second = await town.bob.press(answer, "A"), await town.alice.press(answer, "A")
    await bot.call_back(first, {"type": 7, "data": {"content": "updated"}})
    await bot.call_back(second, {"type": 6})
    await bot.webhook("PATCH", second, "/messages/@original", {"content": "deferred"})
    assert (first.updated, second.updated) == (True, True)
    assert (await second.answer()).message is answer.message
    assert answer.content == "deferred"
    third = await town.bob.press(answer, "B")
    await bot.call_back(third, {"type": 4, "data": {"content": "new", "flags": 64}})
    assert ((await third.answer()).content, third.updated) == ("new", False)
    await bot.webhook("DELETE", asked, "/messages/@original")
    with pytest.raises(NotAllowed):
        await town.bob.press(answer, "A")


async def test_a_client_checks_options_before_it_sends(bot: Bot, town: Town) -> None:
    """What is missing, of the wrong type or out of bounds is not sent."""
    voice = town.guild.voice("lounge")
    for options in ({"text": "x" * 11}, {"n": 6}, {"n": "3"}, {"where": voice}, {"who": "bob"}, {"what": 1}):
        with pytest.raises(BadOption):
            await bot.asked(**options)
    with pytest.raises(BadOption):
        await town.bob.slash(town.channel, "find")
    with pytest.raises(UnknownCommand):
        await town.bob.slash(town.channel, "find now", text="x")
    with pytest.raises(NotAllowed):
        await town.alice.slash(None, "admin")
    assert town.discord.interactions == {}
    assert (await town.bob.slash(None, "admin", force=True)).payload()["context"] == 1


async def test_a_menu_shows_its_target_even_without_the_content_intent(bot: Bot, town: Town, raw: Raw) -> None:
    """The message in `resolved` is never blanked."""
    message = await town.channel.post(town.alice, "ramen")
    async with raw.gateway(intents=1) as websocket:
        await town.bob.menu(town.channel, "Find similar", message)
        await websocket.receive_json()
        data = (await websocket.receive_json())["d"]["data"]
    assert data["resolved"]["messages"][data["target_id"]]["content"] == "ramen"


class Chooser(Listener):
    """Shows selects and a layout of the newer kind."""

    async def setup_hook(self) -> None:
        @self.tree.command(description="Show")
        async def show(interaction: discord.Interaction) -> None:
            view = discord.ui.View(timeout=None)
            options = [discord.SelectOption(label="One", value="1"), discord.SelectOption(label="Two", value="2")]
            view.add_item(discord.ui.Select(custom_id="number", options=options, max_values=2))
            view.add_item(discord.ui.ChannelSelect(custom_id="channel"))
            view.add_item(discord.ui.UserSelect(custom_id="user"))
            await interaction.response.send_message("choose", view=view)

        @self.tree.command(description="Layout")
        async def layout(interaction: discord.Interaction) -> None:
            view = discord.ui.LayoutView(timeout=None)
            section = discord.ui.Section("hello", accessory=discord.ui.Button(label="Go", custom_id="go"))
            view.add_item(discord.ui.Container(section, discord.ui.Separator(), accent_colour=1))
            await interaction.response.send_message(view=view)

        await self.tree.sync()

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        if interaction.type is discord.InteractionType.component:
            await interaction.response.send_message(f"{interaction.data.get('values')}", ephemeral=True)


async def test_selects_and_layouts_work(town: Town) -> None:
    """Values are chosen by label or value, things by themselves; a section's button can be pressed."""
    async with running(town.discord, Chooser()):
        shown = await (await town.bob.slash(town.channel, "show")).answer()
        numbers = await (await town.bob.choose(shown, "number", ["One", "2"])).answer()
        channel = await (await town.bob.choose(shown, "channel", [town.channel])).answer()
        user = await (await town.bob.choose(shown, "user", [town.alice])).answer()
        with pytest.raises(BadOption):
            await town.bob.choose(shown, "number", ["Three"])
        layout = await (await town.bob.slash(town.channel, "layout")).answer()
        gone = await (await town.bob.press(layout, "Go")).answer()
    assert (numbers.content, channel.content) == ("['1', '2']", f"['{town.channel.id}']")
    assert (user.content, gone.content) == (f"['{town.alice.id}']", "None")


async def test_the_times_of_an_answer_are_kept(bot: Bot) -> None:
    """From the sending to the callback and to the answer."""
    began = time.perf_counter()
    interaction = await bot.asked()
    await bot.call_back(interaction, THINKING)
    await asyncio.sleep(0.05)
    await bot.webhook("PATCH", interaction, "/messages/@original", {"content": "x"})
    assert 0 < interaction.deferred_after < interaction.answered_after - 0.05 < time.perf_counter() - began
