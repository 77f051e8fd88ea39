-- expand: only adds a table

-- What is still to be deleted; a row goes when it is done, so there are few.
CREATE TABLE purges (
    id         {{bigint_pk}} NOT NULL,
    server_id  BIGINT NOT NULL REFERENCES servers (id),
    user_id    BIGINT NOT NULL,
    actor_id   BIGINT NOT NULL,
    since      BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX purges_by_server ON purges (server_id);
