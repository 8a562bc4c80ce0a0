"""Runs the product against the stand-in at STANDIN_URL: `python tests/standin/launch.py run`.

SWEEP_PAUSE_S makes the slow comparison with Discord, which is meant to take days, fast enough for a test to see it.
"""

import os

import discord
import yarl

from bot.cli import main
from bot.services import reconcile

URL = os.environ["STANDIN_URL"]
discord.http.Route.BASE = f"{URL}/api/v10"
discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(URL).with_scheme("ws")
if "SWEEP_PAUSE_S" in os.environ:
    reconcile.PAUSE_S = float(os.environ["SWEEP_PAUSE_S"])
    reconcile._IDLE_S = max(1.0, reconcile.PAUSE_S)

main()
