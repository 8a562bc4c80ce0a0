"""What there is of a person before they are forgotten, in pieces that can be looked for afterwards."""

import asyncio
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace

from bot.composing import own_text
from bot.index.mirror import Mirror
from bot.services.needles import Needles, pieces_of
from bot.services.spaces import Spaces
from bot.storage.erasure import without_name
from bot.storage.evidence import EvidenceStore, Known
from bot.storage.servers import ServerStore

TEXTS, TERMS, HASHES, VECTORS, CODES = "texts", "terms", "hashes", "vectors", "codes"
_KINDS = (TEXTS, TERMS, HASHES, VECTORS, CODES)
_ALIKE = 4  # bytes of a word that may be left out in the full-text index, since the one before begins with them
_AT_ONCE = 2**22  # bytes of others' texts that are looked through in one go


@dataclass(slots=True)
class Traces:
    """What was known of a person; it is held in memory and written nowhere.

    `written` are their messages, `threads` those whose titles are theirs, and `stale` the messages of others whose
    vectors are made of these as well, by server; `pieces` are those of texts, vectors and more that nobody else's texts
    and vectors have, `terms` the words that only they used. `n_shared` texts are said by others, too, and stay there;
    `n_short` say too little to be looked for.
    """

    person_id: int
    written: dict[int, set[int]] = field(default_factory=dict)
    threads: dict[int, set[int]] = field(default_factory=dict)
    stale: dict[int, set[int]] = field(default_factory=dict)
    pieces: dict[str, set[bytes]] = field(default_factory=lambda: {kind: set() for kind in _KINDS})
    terms: set[str] = field(default_factory=set)
    n_shared: int = 0
    n_short: int = 0


class Tracker:
    """Collects traces: first those of the person, then what others have in common with them, which is no trace."""

    def __init__(self, store: EvidenceStore, servers: ServerStore, spaces: Spaces) -> None:
        self._store = store
        self._servers = servers
        self._spaces = spaces

    async def traces(self, person_id: int, *, guild_ids: Collection[int] | None = None) -> Traces:
        """What there is of a person in some servers or in all."""
        every = [server.guild_id for server in await self._servers.servers()]
        traces, texts = Traces(person_id), list[list[bytes]]()
        for guild_id in every:
            if guild_ids is None or guild_id in guild_ids:
                texts += await self._written(traces, guild_id)
        traces.pieces[TEXTS].update(piece for pieces in texts for piece in pieces)
        needles = Needles(piece for pieces in traces.pieces.values() for piece in pieces)
        for guild_id in every:
            shared = await self._shared(traces, guild_id, needles)
            traces.pieces = {kind: pieces - shared for kind, pieces in traces.pieces.items()}
        traces.n_shared = sum(bool(pieces) and not traces.pieces[TEXTS].intersection(pieces) for pieces in texts)
        traces.n_short = sum(not pieces for pieces in texts)
        return traces

    async def _written(self, traces: Traces, guild_id: int) -> list[list[bytes]]:
        """Add what the person wrote in a server, and what was made of that; the pieces of each text."""
        texts: list[list[bytes]] = []
        written, naming = traces.written.setdefault(guild_id, set()), set[int]()
        async for known in self._store.messages(guild_id):
            if known.author_id == traces.person_id:
                written.add(known.message_id)
                texts += [pieces_of(text.encode()) for text in (known.said.content, known.said.attached) if text]
                traces.terms.update(terms := (known.terms or "").split())
                traces.pieces[TERMS].update(pieces_of((known.terms or "").encode()))
                traces.pieces[TERMS].update(piece for term in terms for piece in pieces_of(term.encode()[_ALIKE:]))
            elif _says_otherwise_unnamed(known, traces.person_id):
                naming.add(known.message_id)
            else:
                continue
            traces.pieces[HASHES].update([known.content_hash] if known.content_hash else ())
        traces.threads[guild_id] = await self._store.threads_of(guild_id, traces.person_id)
        texts += await self._names(traces, guild_id)
        made_of = await self._store.made_of(guild_id, written | naming, traces.threads[guild_id])
        traces.stale[guild_id] = (made_of | naming) - written
        await self._add_vectors(traces, guild_id)
        return texts

    async def _names(self, traces: Traces, guild_id: int) -> list[list[bytes]]:
        """The pieces of a person's name, and of the titles of their threads."""
        return [
            pieces_of(name.encode())
            for kind, its_id, name in await self._store.names(guild_id)
            if _is_theirs(traces, guild_id, kind, its_id)
        ]

    async def _add_vectors(self, traces: Traces, guild_id: int) -> None:
        """Add the vectors of the messages and their codes, unless another text that is equal has the same ones."""
        ids = traces.written[guild_id] | traces.stale[guild_id]
        vectors = [vector async for vector in self._store.vectors(guild_id, ids)]
        embedding_ids = {vector.embedding_id for vector in vectors}
        shared = await self._store.shared_checksums(embedding_ids, {vector.checksum for vector in vectors})
        traces.pieces[HASHES].update(vector.content_hash for vector in vectors)
        traces.pieces[HASHES] -= await self._store.shared_hashes(embedding_ids)
        for vector in vectors:
            if vector.checksum not in shared:
                traces.pieces[VECTORS].update(pieces_of(vector.blob))
        for mirror in self._spaces.mirrors:
            for message_id, code in await asyncio.to_thread(_codes, mirror, guild_id):
                if message_id in ids:
                    traces.pieces[CODES].update(pieces_of(code))

    async def _shared(self, traces: Traces, guild_id: int, needles: Needles) -> set[bytes]:
        """Those of the pieces that others in a server have as well; the terms that they use go out of the traces."""
        shared, hay = set[bytes](), bytearray()
        written, stale = traces.written.get(guild_id, set()), traces.stale.get(guild_id, set())
        for kind, its_id, name in await self._store.names(guild_id):
            if not _is_theirs(traces, guild_id, kind, its_id):
                hay += name.encode() + b"\n"
        async for known in self._store.messages(guild_id):
            if known.message_id in written:
                continue
            stays = _what_stays(known, traces.person_id) if guild_id in traces.written else known
            hay += _in_bytes(stays)
            traces.terms.difference_update((stays.terms or "").split())
            if len(hay) > _AT_ONCE:
                shared |= await asyncio.to_thread(needles.in_bytes, bytes(hay))
                hay.clear()
        shared |= await asyncio.to_thread(needles.in_bytes, bytes(hay))
        for mirror in self._spaces.mirrors:
            codes = await asyncio.to_thread(_codes, mirror, guild_id)
            others = b"".join(code for message_id, code in codes if message_id not in written | stale)
            shared |= await asyncio.to_thread(needles.in_bytes, others)
        return shared


def _is_theirs(traces: Traces, guild_id: int, kind: str, its_id: int) -> bool:
    """Whether a name is the person's, or the title of a thread of theirs."""
    if guild_id not in traces.written:
        return False
    return (kind == "author" and its_id == traces.person_id) or (
        kind == "thread" and its_id in traces.threads[guild_id]
    )


def _says_otherwise_unnamed(known: Known, person_id: int) -> bool:
    """Whether a message of another would say something else without a person's name."""
    if person_id not in known.said.named:
        return False
    return own_text(without_name(known.said, person_id)) != own_text(known.said)


def _what_stays(known: Known, person_id: int) -> Known:
    """A message of another as it is once it names a person no more: its words and its hash are others then."""
    if _says_otherwise_unnamed(known, person_id):
        known = replace(known, content_hash=None, terms=None)
    return replace(known, said=without_name(known.said, person_id))


def _in_bytes(known: Known) -> bytes:
    said = known.said
    told = [text.encode() for text in (said.content, said.attached, said.names, known.terms) if text]
    return b"\n".join([*told, known.content_hash or b"", b""])


def _codes(mirror: Mirror, guild_id: int) -> list[tuple[int, bytes]]:
    """All that a server's file keeps, by message."""
    return list(_each_code(mirror, guild_id))


def _each_code(mirror: Mirror, guild_id: int) -> Iterator[tuple[int, bytes]]:
    for message_ids, codes in mirror.kept(guild_id):
        for message_id, code in zip(message_ids.tolist(), codes, strict=True):
            yield message_id, code.tobytes()
