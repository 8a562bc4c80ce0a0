"""Which messages ask what another one asked before, and the bot's replies that say so."""

STATEMENTS = (
    # original_id is never itself a duplicate; marked_at is in milliseconds since 1970. Who marked it stands nowhere
    # here: the acts of moderators are in the audit.
    """CREATE TABLE duplicates (
        guild_id INTEGER NOT NULL,
        message_id INTEGER NOT NULL,
        original_id INTEGER NOT NULL,
        marked_at INTEGER NOT NULL,
        PRIMARY KEY (guild_id, message_id),
        FOREIGN KEY (guild_id, message_id) REFERENCES messages (guild_id, message_id) ON DELETE CASCADE,
        FOREIGN KEY (guild_id, original_id) REFERENCES messages (guild_id, message_id) ON DELETE CASCADE
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX duplicates_by_original ON duplicates (guild_id, original_id)",
    # The bot's message below a duplicate, which is forgotten with its mark; the row stays until the bot's message has
    # been deleted on Discord.
    """CREATE TABLE duplicate_replies (
        guild_id INTEGER NOT NULL,
        reply_id INTEGER NOT NULL,
        channel_id INTEGER NOT NULL,
        message_id INTEGER,
        language TEXT NOT NULL,
        is_stale INTEGER NOT NULL,
        PRIMARY KEY (guild_id, reply_id)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX duplicate_replies_by_message ON duplicate_replies (guild_id, message_id)",
    "CREATE INDEX stale_duplicate_replies ON duplicate_replies (guild_id) WHERE is_stale",
    # Whatever removes or moves a mark, in whichever transaction, leaves its replies marked until they are seen to.
    """CREATE TRIGGER duplicate_gone AFTER DELETE ON duplicates BEGIN
        UPDATE duplicate_replies SET is_stale = 1, message_id = NULL
        WHERE guild_id = old.guild_id AND message_id = old.message_id;
    END""",
    """CREATE TRIGGER duplicate_moved AFTER UPDATE OF original_id ON duplicates
       WHEN old.original_id <> new.original_id BEGIN
        UPDATE duplicate_replies SET is_stale = 1 WHERE guild_id = new.guild_id AND message_id = new.message_id;
    END""",
    # What was rewritten is no longer what somebody compared.
    """CREATE TRIGGER duplicate_edited AFTER UPDATE OF content, attached ON messages
       WHEN coalesce(nullif(old.content, ''), old.attached, '')
         <> coalesce(nullif(new.content, ''), new.attached, '') BEGIN
        DELETE FROM duplicates WHERE guild_id = new.guild_id AND message_id = new.message_id;
        DELETE FROM duplicates WHERE guild_id = new.guild_id AND original_id = new.message_id;
    END""",
    # Who answered what, for the first answer to a question that is asked again and again.
    "CREATE INDEX messages_by_answered ON messages (guild_id, reply_to) WHERE reply_to IS NOT NULL",
)
