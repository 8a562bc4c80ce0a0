"""What a server wants indexed, answers that were shown, and shares."""

STATEMENTS = (
    # When the bot was removed from a server, in milliseconds since 1970; NULL while it is in it.
    "ALTER TABLE servers ADD COLUMN left_at INTEGER",
    "CREATE INDEX messages_by_channel ON messages (guild_id, channel_id)",
    # What a server wants indexed: channel_id is a channel's, a thread's or a category's, or 0 for all the rest.
    """CREATE TABLE coverage (
        guild_id INTEGER NOT NULL,
        channel_id INTEGER NOT NULL,
        is_indexed INTEGER NOT NULL,
        PRIMARY KEY (guild_id, channel_id)
    ) STRICT, WITHOUT ROWID""",
    # The message that shows how far reading a server's history has come.
    """CREATE TABLE notices (
        guild_id INTEGER PRIMARY KEY,
        channel_id INTEGER NOT NULL,
        message_id INTEGER NOT NULL,
        language TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE answers (
        answer_id INTEGER PRIMARY KEY,
        guild_id INTEGER NOT NULL,
        user_id INTEGER NOT NULL,
        made_at INTEGER NOT NULL
    ) STRICT""",
    """CREATE TABLE answer_hits (
        answer_id INTEGER NOT NULL REFERENCES answers ON DELETE CASCADE,
        position INTEGER NOT NULL,
        guild_id INTEGER NOT NULL,
        message_id INTEGER NOT NULL,
        percent INTEGER NOT NULL,
        PRIMARY KEY (answer_id, position),
        FOREIGN KEY (guild_id, message_id) REFERENCES messages ON DELETE CASCADE
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX answer_hits_by_message ON answer_hits (guild_id, message_id)",
    # An answer that was shown to everyone in a channel; message_id is that of the bot's message.
    """CREATE TABLE shares (
        guild_id INTEGER NOT NULL,
        message_id INTEGER NOT NULL,
        channel_id INTEGER NOT NULL,
        language TEXT NOT NULL,
        is_stale INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (guild_id, message_id)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE share_sources (
        guild_id INTEGER NOT NULL,
        share_id INTEGER NOT NULL,
        source_id INTEGER NOT NULL,
        position INTEGER NOT NULL,
        percent INTEGER NOT NULL,
        PRIMARY KEY (guild_id, source_id, share_id),
        FOREIGN KEY (guild_id, share_id) REFERENCES shares (guild_id, message_id) ON DELETE CASCADE,
        FOREIGN KEY (guild_id, source_id) REFERENCES messages (guild_id, message_id) ON DELETE CASCADE
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX share_sources_by_share ON share_sources (guild_id, share_id)",
    "CREATE INDEX stale_shares ON shares (guild_id) WHERE is_stale",
    # Whatever removes a source, in whichever transaction, leaves its shares marked until they are edited.
    """CREATE TRIGGER source_gone AFTER DELETE ON share_sources BEGIN
        UPDATE shares SET is_stale = 1 WHERE guild_id = old.guild_id AND message_id = old.share_id;
    END""",
    # What was rewritten was never found under its new text.
    """CREATE TRIGGER source_edited AFTER UPDATE OF content ON messages WHEN old.content <> new.content BEGIN
        DELETE FROM answer_hits WHERE guild_id = new.guild_id AND message_id = new.message_id;
        DELETE FROM share_sources WHERE guild_id = new.guild_id AND source_id = new.message_id;
    END""",
    # The commands that Discord was last told, so that it is told again only when they differ.
    """CREATE TABLE told_commands (
        application_id INTEGER PRIMARY KEY,
        payload_hash BLOB NOT NULL
    ) STRICT""",
)
