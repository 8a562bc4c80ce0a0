"""The local Discord, driven by bare discord.py."""

import discord
import pytest

from standin import InteractionFailed, NoSuchComponent, NotAllowed, UnknownCommand
from standin.clients import Listener, running
from standin.conftest import Town


class Shop(Listener):
    """A client with one command of each kind."""

    async def setup_hook(self) -> None:
        tree = self.tree

        @tree.command(description="Find")
        async def similar(
            interaction: discord.Interaction,
            text: str,
            channel: discord.TextChannel | None = None,
            author: discord.Member | None = None,
            limit: discord.app_commands.Range[int, 1, 10] = 5,
        ) -> None:
            await interaction.response.defer(ephemeral=True, thinking=True)
            view = discord.ui.View(timeout=None)
            view.add_item(discord.ui.Button(label="Next", custom_id="next"))
            seen = channel.permissions_for(interaction.user) if channel else None
            await interaction.edit_original_response(
                content=f"{text} {channel} {author} {limit} {seen and seen.view_channel}",
                embed=discord.Embed(title="Found", description="x"),
                view=view,
            )

        @similar.autocomplete("text")
        async def offer(interaction: discord.Interaction, current: str) -> list[discord.app_commands.Choice[str]]:
            return [discord.app_commands.Choice(name=f"{current}!", value=current)]

        @tree.command(description="Say")
        async def say(interaction: discord.Interaction, text: str) -> None:
            await interaction.response.send_message(text)

        @tree.context_menu(name="Find similar")
        async def find(interaction: discord.Interaction, message: discord.Message) -> None:
            await interaction.response.send_message(message.content, ephemeral=True)

        index = discord.app_commands.Group(
            name="index", description="Index", default_permissions=discord.Permissions(manage_guild=True)
        )

        @index.command(description="Start")
        async def start(interaction: discord.Interaction, channel: discord.TextChannel | None = None) -> None:
            await interaction.response.send_modal(Form())

        tree.add_command(index)
        await tree.sync()

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        if interaction.type is discord.InteractionType.component and interaction.data["custom_id"] == "next":
            await interaction.response.edit_message(content="page 2")


class Form(discord.ui.Modal, title="Form"):
    """Asks for a word."""

    word = discord.ui.TextInput(label="Word", custom_id="word")

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message(f"word {self.word.value}", ephemeral=True)


async def test_a_client_gets_ready_and_its_guilds(town: Town) -> None:
    """A client that logs in is told of its guilds, their channels and roles, and itself as member."""
    role = town.guild.role("Moderators", permissions=discord.Permissions(manage_messages=True))
    async with running(town.discord) as client:
        [guild] = await client.came("guild_available")

    assert (guild.name, guild.owner_id, guild.me.id) == ("Town", town.alice.id, town.discord.bot.id)
    assert [channel.name for channel in guild.text_channels] == ["general"]
    assert guild.get_role(role.id).permissions.manage_messages
    assert town.discord.identifies == 1


async def test_messages_are_told_as_they_come_change_and_go(town: Town) -> None:
    """Posting, editing, unfurling and deleting reach the client as its own events."""
    async with running(town.discord) as client:
        message = await town.channel.post(town.alice, "hello")
        reply = await town.channel.post(town.bob, "hi", reply_to=message, attachments=["cat.png"])
        await message.edit("hello there")
        await reply.unfurl()
        await message.delete()
        more = [await town.channel.post(town.bob, str(n)) for n in range(3)]
        await town.channel.bulk_delete(more)
        [gone] = await client.came("raw_bulk_message_delete")

    first, second, *_ = client.of("message")
    assert (first.content, first.author.display_name, first.guild.name) == ("hello", "Alice", "Town")
    assert (second.reference.resolved.content, second.attachments[0].filename) == ("hello", "cat.png")
    edited, unfurled = client.of("raw_message_edit")
    assert (edited.message.content, edited.message.edited_at is None) == ("hello there", False)
    assert (unfurled.message.embeds[0].title, unfurled.message.edited_at) == ("Example", None)
    assert client.of("raw_message_delete")[0].message_id == message.id
    assert gone.message_ids == {each.id for each in more}
    assert town.channel.messages == [reply]


async def test_a_slash_command_is_deferred_and_then_answered(town: Town) -> None:
    """Options arrive with their types; the deferred, ephemeral answer is in no history."""
    async with running(town.discord, Shop()):
        interaction = await town.bob.slash(
            town.channel, "similar", text="ramen", channel=town.channel, author=town.alice, limit=3
        )
        answer = await interaction.answer()

    assert answer.content == "ramen general alice 3 True"
    assert (answer.is_ephemeral, answer.embeds[0]["title"], answer.edited_count) == (True, "Found", 0)
    assert interaction.deferred_after < interaction.answered_after < 1
    assert town.channel.messages == []


async def test_a_public_answer_is_a_message_of_the_channel(town: Town) -> None:
    """It stands in the history and comes as MESSAGE_CREATE."""
    async with running(town.discord, Shop()) as client:
        answer = await (await town.bob.slash(town.channel, "say", text="hello")).answer()
        [message] = await client.came("message")

    assert town.channel.messages == [answer.message]
    assert (message.content, message.author, message.type) == (
        "hello",
        client.user,
        discord.MessageType.chat_input_command,
    )


async def test_menus_choices_buttons_and_forms(town: Town) -> None:
    """Each of them reaches its handler, and what it does is seen by the person."""
    message = await town.channel.post(town.alice, "ramen")
    async with running(town.discord, Shop()):
        found = await (await town.bob.menu(town.channel, "Find similar", message)).answer()
        offered = await town.bob.autocomplete(town.channel, "similar", focus="text", text="ra")
        answer = await (await town.bob.slash(town.channel, "similar", text="x")).answer()
        pressed = await town.bob.press(answer, "Next")
        page = await pressed.answer()
        opened = await town.alice.slash(town.channel, "index start", channel=town.channel)
        word = await (await town.alice.submit(opened, {"word": "tea"})).answer()

    assert (found.content, found.is_ephemeral) == ("ramen", True)
    assert offered == [{"name": "ra!", "value": "ra"}]
    assert (page.content, pressed.updated, answer.content) == ("page 2", True, "page 2")
    assert word.content == "word tea"


async def test_people_use_only_what_their_client_shows_them(town: Town) -> None:
    """Unknown, hidden and invisible things raise; `force` gets through."""
    town.guild.text("secret", overwrites={town.guild.everyone: (0, discord.Permissions(view_channel=True))})
    secret = next(channel for channel in town.guild.channels.values() if channel.name == "secret")
    async with running(town.discord, Shop()):
        answer = await (await town.bob.slash(town.channel, "similar", text="x")).answer()
        with pytest.raises(UnknownCommand):
            await town.bob.slash(town.channel, "nothing")
        with pytest.raises(NotAllowed):
            await town.bob.slash(secret, "say", text="x")
        with pytest.raises(NotAllowed):
            await town.bob.slash(town.channel, "index start")
        with pytest.raises(NotAllowed):
            await town.alice.press(answer, "Next")
        with pytest.raises(NoSuchComponent):
            await town.bob.press(answer, "Back")
        forced = await town.bob.slash(town.channel, "index start", force=True)
        with pytest.raises(InteractionFailed):
            await forced.answer()
        direct = await (await town.bob.slash(None, "say", text="psst", force=True)).answer()
    assert direct.content == "psst"


async def test_history_is_read_page_by_page(town: Town) -> None:
    """More than three pages come complete and in order, forwards and backwards."""
    seeded = town.channel.seed(town.alice, 322)
    async with running(town.discord) as client:
        channel = client.get_channel(town.channel.id) or await client.fetch_channel(town.channel.id)
        forwards = [m.id async for m in channel.history(limit=None, oldest_first=True)]
        after = [m.id async for m in channel.history(limit=None, after=discord.Object(seeded[100].id))]
        before = [m.id async for m in channel.history(limit=None, before=discord.Object(seeded[100].id))]
    ids = [message.id for message in seeded]
    assert forwards == ids
    assert after == ids[101:]
    assert before == ids[:100][::-1]


async def test_a_dropped_client_resumes_and_misses_nothing(town: Town) -> None:
    """What is written while it is away is replayed."""
    async with running(town.discord) as client:
        await town.channel.post(town.alice, "one")
        await town.discord.drop()
        await town.channel.post(town.alice, "two")
        await town.discord.connected()
        await town.channel.post(town.alice, "three")
        messages = await client.came("message", 3)

    assert [message.content for message in messages] == ["one", "two", "three"]
    assert (town.discord.identifies, town.discord.resumes) == (1, 1)
