-- expand: only adds tables

-- token_hash is the SHA-256, in hex, of the token of this version.
CREATE TABLE webhooks (
    id         {{bigint_pk}} NOT NULL,
    server_id  BIGINT NOT NULL REFERENCES servers (id),
    channel_id BIGINT NOT NULL REFERENCES channels (id),
    name       TEXT   NOT NULL,
    creator_id BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    version    BIGINT NOT NULL,
    token_hash TEXT   NOT NULL
);
CREATE INDEX webhooks_by_channel ON webhooks (channel_id, id);
CREATE INDEX webhooks_by_server ON webhooks (server_id);

-- What tokens are signed with; secret is base64. slot is always 1, which keeps two who start at once to one key.
CREATE TABLE signing_keys (
    slot       {{bigint_pk}} NOT NULL,
    id         TEXT   NOT NULL,
    secret     TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);
