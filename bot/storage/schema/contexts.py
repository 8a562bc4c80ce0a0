"""What came with messages and what they answer: the second version of the embedded text."""

from bot.composing import hash_of, own_text
from bot.messages import Said
from bot.saying import says_little
from bot.texts import content_hash, embed_text_1

_DAMAGED = b"damaged"  # no hash, so that the text stays one that does not fit it


def second_hash(content: bytes, text_hash: bytes | None, opens_thread: int) -> bytes | None:
    """The hash of a text in the second version, where it fits the one that it had in the first."""
    text = content.decode(errors="replace")
    first = embed_text_1(text)
    if text_hash != (content_hash(first) if first else None):
        return _DAMAGED
    return hash_of(own_text(Said(text)), opens_thread=bool(opens_thread))


def second_leans(content: bytes) -> bool:
    return says_little(own_text(Said(content.decode(errors="replace"))))


STATEMENTS = (
    # attached is what can be read of what came with a message, names those of what it mentions as a JSON object by
    # id, reply_to the message that it answers; leans says that it says so little that what it answers goes into its
    # vector.
    "ALTER TABLE messages ADD COLUMN attached TEXT",
    "ALTER TABLE messages ADD COLUMN names TEXT",
    "ALTER TABLE messages ADD COLUMN reply_to INTEGER",
    "ALTER TABLE messages ADD COLUMN leans INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX messages_by_parent ON messages (guild_id, reply_to) WHERE leans AND reply_to IS NOT NULL",
    # The second text version. Texts that it leaves as they were keep their vectors.
    """CREATE TABLE rehashed AS SELECT guild_id, message_id, channel_id,
           second_hash(CAST(content AS BLOB), content_hash, message_id = channel_id) AS content_hash,
           second_leans(CAST(content AS BLOB)) AS leans FROM messages""",
    """CREATE TABLE altered AS
       SELECT r.guild_id, r.message_id, r.content_hash FROM rehashed r JOIN messages m USING (guild_id, message_id)
       WHERE r.content_hash IS NOT m.content_hash
       UNION SELECT r.guild_id, r.message_id, r.content_hash FROM rehashed r JOIN channels t
       ON t.guild_id = r.guild_id AND t.channel_id IN (r.message_id, iif(r.leans, r.channel_id, 0))
       WHERE t.kind IN ('thread', 'private_thread')""",
    """UPDATE messages SET content_hash = r.content_hash, leans = r.leans FROM rehashed r
       WHERE (r.guild_id, r.message_id) = (messages.guild_id, messages.message_id)""",
    "DELETE FROM embeddings WHERE (guild_id, message_id) IN (SELECT guild_id, message_id FROM altered)",
    "DELETE FROM pending WHERE (guild_id, message_id) IN (SELECT guild_id, message_id FROM altered)",
    "DELETE FROM worded WHERE (guild_id, message_id) IN (SELECT guild_id, message_id FROM altered)",
    "DELETE FROM unworded WHERE (guild_id, message_id) IN (SELECT guild_id, message_id FROM altered)",
    """INSERT INTO pending (guild_id, message_id)
       SELECT guild_id, message_id FROM altered WHERE content_hash IS NOT NULL""",
    "INSERT INTO unworded SELECT guild_id, message_id FROM altered WHERE content_hash IS NOT NULL",
    "UPDATE generations SET text_version = 2",
    "DROP TABLE rehashed",
    "DROP TABLE altered",
    # What came with a message may be told anew, too.
    "DROP TRIGGER text_rewritten",
    """CREATE TRIGGER text_rewritten AFTER UPDATE OF content, attached ON messages
       WHEN old.content_hash IS NOT new.content_hash BEGIN
        DELETE FROM worded WHERE guild_id = new.guild_id AND message_id = new.message_id;
        DELETE FROM unworded WHERE guild_id = new.guild_id AND message_id = new.message_id;
        INSERT INTO unworded SELECT new.guild_id, new.message_id WHERE new.content_hash IS NOT NULL;
    END""",
    "DROP TRIGGER source_edited",
    """CREATE TRIGGER source_edited AFTER UPDATE OF content, attached ON messages
       WHEN coalesce(nullif(old.content, ''), old.attached, '')
         <> coalesce(nullif(new.content, ''), new.attached, '') BEGIN
        DELETE FROM answer_hits WHERE guild_id = new.guild_id AND message_id = new.message_id;
        DELETE FROM share_sources WHERE guild_id = new.guild_id AND source_id = new.message_id;
    END""",
)
