"""The stand-in as a whole: what a test opens and holds."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

from aiohttp import web

from standin import routes_guilds, routes_interactions, routes_messages
from standin.channels import Channel, Direct
from standin.commands import Commands
from standin.contract import published
from standin.faults import Fault, Faults
from standin.gateway import INVALID, RECONNECT, Gateway
from standin.interactions import Interaction
from standin.limits import Limits
from standin.people import Person
from standin.rest import Request, Rest
from standin.snowflakes import Snowflakes
from standin.world import Guild, User


def _of_gateway(name: str) -> property:
    """A property that is the gateway's."""
    return property(
        lambda discord: getattr(discord.gateway, name), lambda discord, value: setattr(discord.gateway, name, value)
    )


ROUTES = [*routes_guilds.ROUTES, *routes_messages.ROUTES, *routes_interactions.ROUTES]


class Discord:
    """A Discord of one's own. `violations` holds what no well-made client does; a test that leaves any fails."""

    def __init__(self) -> None:
        self.snowflakes = Snowflakes()
        self.contract = published()
        self.violations: list[str] = []
        self.texts: set[str] = set()  # all that people ever wrote or asked here
        self.requests: list[Request] = []
        self.users: dict[int, User] = {}
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self.interactions: dict[str, Interaction] = {}
        self.uploads: dict[int, bytes] = {}  # by the id of the attachment
        self.commands = Commands(self)
        self.faults = Faults()
        self.limits = Limits()
        self.enforce_global = False
        self.gateway = Gateway(self)
        self.bot = User(self, self.snowflakes.new(), "similar", bot=True)
        self.users[self.bot.id] = self.bot
        self.application_id = self.bot.id
        self.token = "MTE.standin.a-token-of-the-stand-in"
        self.developer = self.person("developer")
        self._directs: dict[int, Direct] = {}
        self.url = ""

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[Self]:
        """Serve on a free port of this machine; AssertionError at the end if there were violations."""
        discord = cls()
        runner = web.AppRunner(Rest(discord, ROUTES).app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            discord.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield discord
        finally:
            await discord.gateway.stop()
            await runner.cleanup()
        assert not discord.violations, "\n".join(dict.fromkeys(discord.violations))

    @property
    def gateway_url(self) -> str:
        return self.url.replace("http", "ws", 1)

    def environment(self) -> dict[str, str]:
        """What a bot that is started by launch.py needs to come here."""
        return {"DISCORD_TOKEN": self.token, "STANDIN_URL": self.url}

    # Who and what there is.

    def person(self, name: str, *, locale: str = "en-US", global_name: str | None = None) -> Person:
        """A new account of a person."""
        person = Person(self, self.snowflakes.new(), name, global_name, locale)
        self.users[person.id] = person
        return person

    def guild(self, name: str, *, owner: User, bot_is_member: bool = True, locale: str = "en-US") -> Guild:
        """A new guild; its owner is a member, and so is the bot unless told otherwise."""
        guild = Guild(self, self.snowflakes.new(), name, owner, locale)
        self.guilds[guild.id] = guild
        guild.join(owner)
        if bot_is_member:
            guild.enter()
        return guild

    def direct(self, person: Person) -> Direct:
        """The conversation between a person and the bot."""
        if person.id not in self._directs:
            self._directs[person.id] = Direct(self, self.snowflakes.new(), None, person.name, 1, owner=person)
        return self._directs[person.id]

    # The gateway.

    heartbeat_interval = _of_gateway("heartbeat_interval")
    acknowledge_heartbeats = _of_gateway("acknowledge_heartbeats")
    refuse_resume = _of_gateway("refuse_resume")
    disallowed_intents = _of_gateway("disallowed_intents")
    identifies = _of_gateway("identifies")
    resumes = _of_gateway("resumes")

    @property
    def hides_content(self) -> bool:
        """Whether what people write is blanked in REST, for want of the message content intent."""
        return "message_content" in self.disallowed_intents

    async def connected(self, timeout: float = 20) -> None:  # noqa: ASYNC109  # a test's patience, not a scope
        """Wait until a client has identified or resumed."""
        await self.gateway.connected(timeout)

    async def disconnected(self, timeout: float = 20) -> None:  # noqa: ASYNC109  # a test's patience, not a scope
        """Wait until no client is connected."""
        await self.gateway.disconnected(timeout)

    async def drop(self, code: int | None = 4000) -> None:
        """Close the websockets with a code; None loses them without a word."""
        await self.gateway.drop(code)

    async def reconnect(self) -> None:
        """Ask clients to come back (opcode 7)."""
        await self.gateway.ask_all(RECONNECT)

    async def invalidate(self, *, resumable: bool = False) -> None:
        """Tell clients that their session is invalid (opcode 9)."""
        await self.gateway.ask_all(INVALID, resumable, ends_session=not resumable)

    def send_raw(self, event: str, payload: Any) -> None:
        """Send any event to every session, unchecked."""
        self.gateway.dispatch(event, payload, is_checked=False)

    # REST.

    @property
    def rate_limit(self) -> tuple[int, float]:
        """How many requests a route and major parameter takes in how many seconds."""
        return self.limits.rate

    @rate_limit.setter
    def rate_limit(self, rate: tuple[int, float]) -> None:
        self.limits.rate = rate

    def fail(self, method: str, route: str, **fault: Any) -> None:
        """Have the next requests of a route fail; what can go wrong are the fields of Fault."""
        if (method, route) not in {(each.method, each.path) for each in ROUTES}:
            raise LookupError(f"no route {method} {route}")
        self.faults.add(Fault(method, route, **fault))

    def asked(self, method: str, route: str, *, channel: Channel | None = None, since: int = 0) -> list[Request]:
        """The requests of a route, or of one channel of it, from the `since`-th of all requests on."""
        return [
            each
            for each in self.requests[since:]
            if (each.method, each.route) == (method, route) and (channel is None or each.channel_id == channel.id)
        ]

    def expire(self, interaction: Interaction) -> None:
        """Have an interaction's fifteen minutes be over."""
        interaction.is_expired = True
