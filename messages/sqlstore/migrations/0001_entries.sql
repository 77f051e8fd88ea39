-- How far each channel's log is. Whoever appends holds its row, so that inserts of one channel never meet in the
-- indexes of entries.
CREATE TABLE heads (
    channel_id {{bigint_pk}},
    r          BIGINT NOT NULL
);

-- Every change of every channel; the create entries are the messages. The key is the order of reading.
CREATE TABLE entries (
    channel_id BIGINT NOT NULL,
    r          BIGINT NOT NULL,
    n          BIGINT NOT NULL,
    last_id    BIGINT NOT NULL,
    mid        BIGINT NOT NULL,
    kind       SMALLINT NOT NULL, -- 1 create, 2 edit, 3 delete
    actor_id   BIGINT NOT NULL,
    nonce      {{text_binary}} NOT NULL,
    hash       {{bytes}},         -- NULL once the message is deleted
    e          BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    v          BIGINT NOT NULL,
    ve         BIGINT NOT NULL,
    deleted    BOOLEAN NOT NULL,
    content    TEXT NOT NULL,
    edited_at  BIGINT,
    -- What the message has from its create entry, which has it in actor_id, nonce, n and at.
    author_id     BIGINT,
    created_nonce {{text_binary}},
    created_n     BIGINT,
    created_at    BIGINT,
    PRIMARY KEY (channel_id, r)
) {{without_rowid}};

CREATE UNIQUE INDEX entries_nonce ON entries (channel_id, actor_id, nonce);
-- History: one row for each message, so that a page costs the same at any depth and after any number of edits.
CREATE UNIQUE INDEX entries_message ON entries (channel_id, mid) WHERE kind = 1;
-- What a deletion has to scrub. Two channels share an id about never.
CREATE INDEX entries_change ON entries (mid) WHERE kind > 1;
