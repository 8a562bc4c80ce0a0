"""Runs the product against the stand-in at STANDIN_URL: `python tests/standin/launch.py run`."""

import os

import discord
import yarl

from bot.cli import main

URL = os.environ["STANDIN_URL"]
discord.http.Route.BASE = f"{URL}/api/v10"
discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(URL).with_scheme("ws")

main()
