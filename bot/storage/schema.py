"""The tables, as the migrations that make them; their number is the schema version (`user_version`)."""

APPLICATION_ID = 0x53424F54  # "SBOT": tells our file from any other SQLite database

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE servers (
            guild_id INTEGER PRIMARY KEY,
            name TEXT NOT NULL
        ) STRICT""",
        # A thread is a channel whose parent is a channel; Discord numbers both from one range.
        """CREATE TABLE channels (
            guild_id INTEGER NOT NULL,
            channel_id INTEGER NOT NULL,
            parent_id INTEGER,
            kind TEXT NOT NULL,
            name TEXT NOT NULL,
            PRIMARY KEY (guild_id, channel_id)
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE authors (
            guild_id INTEGER NOT NULL,
            author_id INTEGER NOT NULL,
            name TEXT NOT NULL,
            PRIMARY KEY (guild_id, author_id)
        ) STRICT, WITHOUT ROWID""",
        # edited_at is in milliseconds since 1970, created_at is in the id; origin as in messages.Origin;
        # content_hash is that of the embedded text, NULL where nothing is worth embedding.
        """CREATE TABLE messages (
            guild_id INTEGER NOT NULL,
            message_id INTEGER NOT NULL,
            channel_id INTEGER NOT NULL,
            author_id INTEGER NOT NULL,
            origin INTEGER NOT NULL,
            edited_at INTEGER,
            content_hash BLOB,
            content TEXT NOT NULL,
            PRIMARY KEY (guild_id, message_id)
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE generations (
            generation_id INTEGER PRIMARY KEY,
            model_key TEXT NOT NULL,
            dim INTEGER NOT NULL,
            text_version INTEGER NOT NULL,
            is_current INTEGER NOT NULL,
            UNIQUE (model_key, dim, text_version)
        ) STRICT""",
        # vector is dim little-endian float16, checksum its CRC-32.
        """CREATE TABLE embeddings (
            embedding_id INTEGER PRIMARY KEY,
            generation_id INTEGER NOT NULL REFERENCES generations,
            guild_id INTEGER NOT NULL,
            message_id INTEGER NOT NULL,
            content_hash BLOB NOT NULL,
            checksum INTEGER NOT NULL,
            vector BLOB NOT NULL,
            UNIQUE (guild_id, message_id, generation_id),
            FOREIGN KEY (guild_id, message_id) REFERENCES messages ON DELETE CASCADE
        ) STRICT""",
        "CREATE INDEX embeddings_by_hash ON embeddings (generation_id, content_hash)",
        # What waits for a vector of the current generation; parked is why it is not tried again by itself.
        """CREATE TABLE pending (
            message_id INTEGER NOT NULL,
            guild_id INTEGER NOT NULL,
            parked TEXT,
            PRIMARY KEY (message_id, guild_id),
            FOREIGN KEY (guild_id, message_id) REFERENCES messages ON DELETE CASCADE
        ) STRICT, WITHOUT ROWID""",
        # How far a channel's history has been read: high_id only rises, low_id only falls.
        """CREATE TABLE marks (
            guild_id INTEGER NOT NULL,
            channel_id INTEGER NOT NULL,
            high_id INTEGER NOT NULL,
            low_id INTEGER NOT NULL,
            PRIMARY KEY (guild_id, channel_id)
        ) STRICT, WITHOUT ROWID""",
        # What was deleted and may not come back; deleted_at in milliseconds since 1970.
        """CREATE TABLE tombstones (
            guild_id INTEGER NOT NULL,
            message_id INTEGER NOT NULL,
            deleted_at INTEGER NOT NULL,
            PRIMARY KEY (guild_id, message_id)
        ) STRICT, WITHOUT ROWID""",
    ),
    (
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
    ),
    (
        # What becomes of the history that was not read yet, as in services.coverage.
        "ALTER TABLE servers ADD COLUMN history TEXT NOT NULL DEFAULT 'wanted'",
        # How far what is stored of a channel was compared with Discord. The walk that goes on began at began_at and
        # has come down to reached_id, both NULL between two walks; done_at is when the last whole one began. All in
        # milliseconds since 1970.
        """CREATE TABLE sweeps (
            guild_id INTEGER NOT NULL,
            channel_id INTEGER NOT NULL,
            reached_id INTEGER,
            began_at INTEGER,
            done_at INTEGER,
            PRIMARY KEY (guild_id, channel_id)
        ) STRICT, WITHOUT ROWID""",
        # Why nothing gets its vector at the moment, since when, and when it is tried again; no row when all is well.
        """CREATE TABLE outage (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            code TEXT NOT NULL,
            detail TEXT NOT NULL,
            began_at INTEGER NOT NULL,
            next_try_at INTEGER NOT NULL
        ) STRICT""",
    ),
    (
        # The greatest embedding_id that was ever given out: none is given twice, so that one stands for one vector
        # for good, also in what is kept beside the database.
        """CREATE TABLE given_ids (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            embedding_id INTEGER NOT NULL
        ) STRICT""",
        "INSERT INTO given_ids SELECT 1, coalesce(max(embedding_id), 0) FROM embeddings",
        # Each time that a process had the database to itself: a token that no copy of the database knows which was
        # made before, and the greatest embedding_id when it began.
        """CREATE TABLE sessions (
            session_id INTEGER PRIMARY KEY,
            token TEXT NOT NULL UNIQUE,
            first_id INTEGER NOT NULL
        ) STRICT""",
    ),
    (
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
    ),
)
