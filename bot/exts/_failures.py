"""What may go wrong in a call to Discord."""

import aiohttp
import discord

# discord.py tries again some times by itself and then raises what aiohttp raised, which is not always an OSError.
FAILED_FOR_NOW = (discord.DiscordServerError, discord.RateLimited, aiohttp.ClientError, OSError)
FAILED = (discord.HTTPException, *FAILED_FOR_NOW)
