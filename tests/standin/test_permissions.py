"""Permissions: computed as Discord documents and as discord.py does."""

from datetime import UTC, datetime, timedelta

import discord
import pytest

from standin.clients import running
from standin.conftest import Town
from standin.permissions import in_channel

VIEW, READ_BACK, SEND = 1 << 10, 1 << 16, 1 << 11


PERMISSIONS = {
    "nothing special": {},
    "role allows": {"role": discord.Permissions(manage_messages=True).value},
    "administrator": {"role": discord.Permissions(administrator=True).value, "everyone": (0, VIEW)},
    "everyone denied": {"everyone": (0, VIEW)},
    "role allowed back": {"everyone": (0, VIEW), "of_role": (VIEW, 0)},
    "member denied": {"of_role": (VIEW | SEND, 0), "of_member": (0, SEND)},
    "member allowed": {"everyone": (0, READ_BACK | SEND), "of_role": (0, SEND), "of_member": (SEND, 0)},
}


@pytest.mark.parametrize("name", PERMISSIONS)
async def test_permissions_agree_with_discord_py(town: Town, name: str) -> None:
    """What is computed here is what the library computes from the same roles and overwrites."""
    case = PERMISSIONS[name]
    role = town.guild.role("Role", permissions=case.get("role", 0))
    targets = {"everyone": town.guild.everyone, "of_role": role, "of_member": town.bob}
    overwrites = {targets[key]: numbers for key, numbers in case.items() if key in targets}
    channel = town.guild.text("here", overwrites=overwrites)
    await town.guild.give(town.bob, role)
    async with running(town.discord) as client:
        guild = (await client.came("guild_available"))[0]
        member = await guild.fetch_member(town.bob.id)
        theirs = guild.get_channel(channel.id).permissions_for(member)
    ours = discord.Permissions(in_channel(channel, town.bob))
    for flag in ("view_channel", "send_messages", "read_message_history", "manage_messages"):
        expected = getattr(theirs, flag) and theirs.view_channel
        assert getattr(ours, flag) == expected, flag


async def test_a_timed_out_member_only_reads(town: Town) -> None:
    """Silence leaves seeing and reading."""
    await town.guild.time_out(town.bob, datetime.now(UTC) + timedelta(hours=1))
    assert in_channel(town.channel, town.bob) == VIEW | READ_BACK
