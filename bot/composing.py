"""What is embedded of a message: its own text, and before it what it needs to be understood."""

from collections.abc import Callable
from dataclasses import dataclass

from bot.markup import readable, without_quotes
from bot.messages import Said
from bot.saying import says_little, says_nothing
from bot.texts import content_hash, embed_text

_PARENT = 400  # characters at most of the message that is answered


@dataclass(frozen=True, slots=True)
class Composition:
    """What the embedded text of a message is made of.

    `title` is that of the thread which the message opens. If it says too little alone, `parent` is what the message
    that it answers says, and `title_above` the title of the thread that it stands in.
    """

    said: Said
    parent: Said | None = None
    title: str | None = None
    title_above: str | None = None

    @property
    def text(self) -> str:
        """What is embedded; "" when there is nothing."""
        own = own_text(self.said)
        parent = own_text(self.parent)[:_PARENT] if self.parent else ""
        title = _title(self.title or ("" if parent else self.title_above), own)
        return embed_text("\n".join(part for part in (title, parent, own) if part))


def worded_text(said: Said, title: str | None) -> str:
    """What of a message is looked for by words; `title` is that of a thread which it opens."""
    own = own_text(said)
    return f"{_title(title, own)}\n{own}"


def own_text(said: Said) -> str:
    """What a message says by itself, cleaned; "" when that is nothing that anybody could look for.

    What it quotes stands elsewhere, and counts only where little else is said.
    """
    whole = _whole(said)
    unquoted = without_quotes(whole)
    own = embed_text(unquoted)
    if unquoted != whole and (not own or (says_little(own) and not says_nothing(own))):
        own = embed_text(whole)
    return "" if says_nothing(own) else own


def cleaning_of(said: Said) -> Callable[[str], str]:
    """What cleans some of the words of a message as its own text was."""
    names, has_quotes = said.named, ">" in said.content and own_text(said) == embed_text(_whole(said))

    def cleaned(some: str) -> str:
        text = readable(some, names)
        return embed_text(text if has_quotes else without_quotes(text))

    return cleaned


def _whole(said: Said) -> str:
    content = said.content
    if names := said.named:
        content = readable(content, names)
    return f"{content}\n{said.attached}" if said.attached else content


def hash_of(own: str, *, opens_thread: bool = False) -> bytes | None:
    """What is kept beside a message: the hash of its own text, None where nothing of it is worth embedding.

    A forum's post is worth that for its title.
    """
    return content_hash(own) if own or opens_thread else None


def _title(title: str | None, own: str) -> str:
    """A title, unless it repeats how the text begins, as Discord proposes."""
    cleaned = embed_text(title or "")
    return "" if own.casefold().startswith(cleaned.casefold().rstrip(".…")) else cleaned
