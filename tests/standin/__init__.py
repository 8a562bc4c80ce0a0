"""A local Discord: an honest REST server and gateway on 127.0.0.1, to which bots come through discord.py's own code.

`async with Discord.open() as discord` is all that a test needs: it makes people, guilds and channels, has them write,
and has people use the bot's commands and buttons. What the bot sends is checked against Discord's published OpenAPI
file and the documented rules that the file does not express; any violation fails the test.
"""

import warnings

with warnings.catch_warnings():  # discord.py asks for a module that Python 3.13 has dropped
    warnings.filterwarnings("ignore", "'audioop' is deprecated", DeprecationWarning)
    import discord  # noqa: F401  # before anything here or in a test does

from standin.commands import BadOption, NotAllowed, UnknownCommand
from standin.interactions import Answer, Interaction, InteractionFailed
from standin.people import NoSuchComponent, Person
from standin.server import Discord

__all__ = [
    "Answer",
    "BadOption",
    "Discord",
    "Interaction",
    "InteractionFailed",
    "NoSuchComponent",
    "NotAllowed",
    "Person",
    "UnknownCommand",
]
