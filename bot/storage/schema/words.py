"""The full-text index."""

STATEMENTS = (
    # The full-text index: the terms of messages, made by bot.terms. The rows of a server lie between block_id *
    # 2^32 and the next block, so that its words are found without passing those of others.
    """CREATE TABLE blocks (
        block_id INTEGER PRIMARY KEY,
        guild_id INTEGER NOT NULL UNIQUE
    ) STRICT""",
    """CREATE TABLE worded (
        row_id INTEGER PRIMARY KEY,
        guild_id INTEGER NOT NULL,
        message_id INTEGER NOT NULL,
        channel_id INTEGER NOT NULL,
        author_id INTEGER NOT NULL,
        UNIQUE (guild_id, message_id),
        FOREIGN KEY (guild_id, message_id) REFERENCES messages ON DELETE CASCADE
    ) STRICT""",
    # Terms stand between spaces and are found whole; whatever is not ASCII belongs to them anyway.
    r"""CREATE VIRTUAL TABLE lexicon USING fts5(
        terms, detail = none, tokenize = "ascii tokenchars '_''.-/:\#@+&='"
    )""",
    # Or a deleted text's words would stay in the index until its parts are merged.
    "INSERT INTO lexicon (lexicon, rank) VALUES ('secure-delete', 1)",
    """CREATE TRIGGER word_gone AFTER DELETE ON worded BEGIN
        DELETE FROM lexicon WHERE rowid = old.row_id;
    END""",
    # What waits for its place in the full-text index.
    """CREATE TABLE unworded (
        guild_id INTEGER NOT NULL,
        message_id INTEGER NOT NULL,
        PRIMARY KEY (guild_id, message_id),
        FOREIGN KEY (guild_id, message_id) REFERENCES messages ON DELETE CASCADE
    ) STRICT, WITHOUT ROWID""",
    """CREATE TRIGGER text_written AFTER INSERT ON messages WHEN new.content_hash IS NOT NULL BEGIN
        INSERT INTO unworded VALUES (new.guild_id, new.message_id);
    END""",
    """CREATE TRIGGER text_rewritten AFTER UPDATE OF content ON messages
       WHEN old.content_hash IS NOT new.content_hash BEGIN
        DELETE FROM worded WHERE guild_id = new.guild_id AND message_id = new.message_id;
        DELETE FROM unworded WHERE guild_id = new.guild_id AND message_id = new.message_id;
        INSERT INTO unworded SELECT new.guild_id, new.message_id WHERE new.content_hash IS NOT NULL;
    END""",
    "INSERT INTO unworded SELECT guild_id, message_id FROM messages WHERE content_hash IS NOT NULL",
    # A hit by words alone has no percent. Answers are kept for minutes; shares stay, and get their triggers back.
    "DROP TABLE answer_hits",
    "DELETE FROM answers",
    """CREATE TABLE answer_hits (
        answer_id INTEGER NOT NULL REFERENCES answers ON DELETE CASCADE,
        position INTEGER NOT NULL,
        guild_id INTEGER NOT NULL,
        message_id INTEGER NOT NULL,
        percent INTEGER,
        PRIMARY KEY (answer_id, position),
        FOREIGN KEY (guild_id, message_id) REFERENCES messages ON DELETE CASCADE
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX answer_hits_by_message ON answer_hits (guild_id, message_id)",
    "ALTER TABLE share_sources RENAME TO former_share_sources",
    """CREATE TABLE share_sources (
        guild_id INTEGER NOT NULL,
        share_id INTEGER NOT NULL,
        source_id INTEGER NOT NULL,
        position INTEGER NOT NULL,
        percent INTEGER,
        PRIMARY KEY (guild_id, source_id, share_id),
        FOREIGN KEY (guild_id, share_id) REFERENCES shares (guild_id, message_id) ON DELETE CASCADE,
        FOREIGN KEY (guild_id, source_id) REFERENCES messages (guild_id, message_id) ON DELETE CASCADE
    ) STRICT, WITHOUT ROWID""",
    "INSERT INTO share_sources SELECT * FROM former_share_sources",
    "DROP TRIGGER source_gone",
    "DROP TRIGGER source_edited",
    "DROP TABLE former_share_sources",
    "CREATE INDEX share_sources_by_share ON share_sources (guild_id, share_id)",
    """CREATE TRIGGER source_gone AFTER DELETE ON share_sources BEGIN
        UPDATE shares SET is_stale = 1 WHERE guild_id = old.guild_id AND message_id = old.share_id;
    END""",
    """CREATE TRIGGER source_edited AFTER UPDATE OF content ON messages WHEN old.content <> new.content BEGIN
        DELETE FROM answer_hits WHERE guild_id = new.guild_id AND message_id = new.message_id;
        DELETE FROM share_sources WHERE guild_id = new.guild_id AND source_id = new.message_id;
    END""",
)
