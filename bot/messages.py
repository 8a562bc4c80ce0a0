"""The values that travel between the rooms: messages and where they stand, questions, hits."""

import json
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum

import numpy as np
import numpy.typing as npt

from bot.askers import EVERYTHING, Scope
from bot.texts import storable
from bot.times import made_at
from bot.vectors import Halves, Ids, Vectors


class ChannelKind(StrEnum):
    """What kinds of channels differ in for us."""

    TEXT = "text"
    VOICE = "voice"
    FORUM = "forum"
    THREAD = "thread"
    PRIVATE_THREAD = "private_thread"
    OTHER = "other"


class Origin(IntEnum):
    """Where a text comes from; the greater one wins over the lesser."""

    EXPORT = 0
    LIVE = 1


@dataclass(frozen=True, slots=True)
class Server:
    guild_id: int
    name: str


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel or a thread; `parent_id` is the category of a channel and the channel of a thread.

    A thread is age-restricted when its channel is; `owner_id` is who opened it, None where that was not told.
    """

    guild_id: int
    channel_id: int
    name: str
    kind: ChannelKind = ChannelKind.TEXT
    parent_id: int | None = None
    is_age_restricted: bool = False
    owner_id: int | None = None

    @property
    def is_thread(self) -> bool:
        return self.kind in (ChannelKind.THREAD, ChannelKind.PRIVATE_THREAD)


@dataclass(frozen=True, slots=True)
class Location:
    """Where messages stand on Discord: a channel with its server, and for a thread the category of its channel."""

    server: Server
    channel: Channel
    category_id: int | None = None

    @property
    def guild_id(self) -> int:
        return self.server.guild_id

    @property
    def path(self) -> tuple[int, ...]:
        """The ids of the channel and of what it lies in, the nearest first."""
        ids = (self.channel.channel_id, self.channel.parent_id, self.category_id)
        return tuple(i for i in ids if i is not None)

    @property
    def is_private(self) -> bool:
        return self.channel.kind is ChannelKind.PRIVATE_THREAD


@dataclass(frozen=True, slots=True)
class Said:
    """What a message says: what was written, what came with it, and the names of what it mentions.

    The names are a JSON object by id. They are those of the moment when the message was read: another name alone is
    no other text.
    """

    content: str
    attached: str | None = None
    names: str | None = None

    @property
    def is_blank(self) -> bool:
        return not self.content and not self.attached

    @property
    def named(self) -> dict[int, str]:
        """The names by id; none where they are damaged, and then the text does not fit its hash either."""
        if not self.names:
            return {}
        try:
            return {int(i): str(name) for i, name in json.loads(self.names).items()}
        except (ValueError, AttributeError):
            return {}

    def differs(self, other: "Said") -> bool:
        return (self.content, self.attached) != (other.content, other.attached)


@dataclass(frozen=True, slots=True)
class Message:
    """One message as Discord or an export has it; `author_id` is 0 where an export names no author.

    `attached` is what can be read of all that came with it; `names` are those of whom and what it mentions, by id;
    `reply_to` is the id of the message in the same channel that it answers.
    """

    message_id: int
    guild_id: int
    channel_id: int
    author_id: int
    author_name: str
    content: str
    edited_at: datetime | None = None
    origin: Origin = Origin.LIVE
    is_bot: bool = False
    is_notice: bool = False
    attached: str | None = None
    names: tuple[tuple[int, str], ...] = ()
    reply_to: int | None = None

    @property
    def said(self) -> "Said":
        """Its text with all that it takes to read it, as it can be stored."""
        names = {str(i): storable(name) for i, name in self.names}
        return Said(
            storable(self.content),
            storable(self.attached) if self.attached else None,
            json.dumps(names, ensure_ascii=False) if names else None,
        )

    def is_within(self, scope: Scope) -> bool:
        """Whether it lies in a scope."""
        return scope.admits(
            message_id=self.message_id, guild_id=self.guild_id, channel_id=self.channel_id, author_id=self.author_id
        )

    @property
    def shown(self) -> str:
        """What of it people are shown: what was written, or else what came with it."""
        return self.content or self.attached or ""

    @property
    def created_at(self) -> datetime:
        return made_at(self.message_id)

    @property
    def url(self) -> str:
        return f"https://discord.com/channels/{self.guild_id}/{self.channel_id}/{self.message_id}"


class WordsOnly(StrEnum):
    """Why words alone answered a question about meaning; the values are keys of the words."""

    OUTAGE = "words_only"
    BUDGET = "budget_spent"


class Nearness(IntEnum):
    """How related a hit is, in steps that are too coarse to guess anything by."""

    UNRELATED = 0
    LOOSE = 1
    CLOSE = 2
    VERY_CLOSE = 3


class Mode(StrEnum):
    """What a search goes by."""

    MEANING = "meaning"
    WORDS = "words"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Query:
    """A question: a text or a message, with what it is narrowed to.

    With both, the text is the message's own and serves where the message is not stored. `least` leaves out what is
    less related, as far as that can be told; `is_folded` makes one hit of those that say the same. Raises ValueError
    when neither is given.
    """

    text: str | None = None
    message_id: int | None = None
    limit: int = 10
    within: Scope = EVERYTHING
    min_score: float | None = None
    mode: Mode = Mode.BOTH
    least: Nearness = Nearness.UNRELATED
    is_folded: bool = False

    def __post_init__(self) -> None:
        if self.text is None and self.message_id is None:
            raise ValueError(self)


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message as the database holds it, with the names of where it stands ("" where none was ever told)."""

    message: Message
    channel_name: str
    server_name: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A stored message with its cosine similarity to the question, unrounded; None where words alone speak for it.

    `relatedness` is what it was ranked by, in whichever unit that was; `nearness` is None where there is too little to
    measure that by. `copies` are other hits that say the same, where those are asked for as one. `quoted_from` is where
    in what is shown of a long text the part begins by which it was found.
    """

    stored: StoredMessage
    score: float | None
    relatedness: float = 0.0
    nearness: Nearness | None = None
    copies: tuple[StoredMessage, ...] = ()
    quoted_from: int = 0

    @property
    def message(self) -> Message:
        return self.stored.message


@dataclass(frozen=True, slots=True)
class Generation:
    """What makes vectors comparable: the model, the dimension and the version of the text that is embedded."""

    model_key: str
    dim: int
    text_version: int

    def __str__(self) -> str:
        return f"{self.model_key} ({self.dim} dimensions, text {self.text_version})"


@dataclass(frozen=True, slots=True)
class Stamp:
    """Of what a file beside the database is made: a generation of one server, as one session of one database had it.

    `last_id` is the greatest embedding_id that there may be in it.
    """

    guild_id: int
    generation: Generation
    token: str
    last_id: int


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddedMessages:
    """Messages of one server with their vectors, as the mirror keeps them.

    The ids are int64 [n]; `vectors` is float32 or float16 [n, dim], each row of length 1 but for half precision.
    A long message has several rows, one after another: its vector and those of its parts. An embedding's id is that of
    one vector for good: an edited message gets another.
    """

    message_ids: Ids
    channel_ids: Ids
    author_ids: Ids
    embedding_ids: Ids
    vectors: Vectors | Halves

    def __len__(self) -> int:
        return len(self.message_ids)

    def __getitem__(self, rows: "slice | Ids | npt.NDArray[np.bool_]") -> "EmbeddedMessages":
        return EmbeddedMessages(
            self.message_ids[rows],
            self.channel_ids[rows],
            self.author_ids[rows],
            self.embedding_ids[rows],
            self.vectors[rows],
        )
