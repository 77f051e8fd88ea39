-- expand: only adds columns and tables

ALTER TABLE servers ADD COLUMN public BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE servers ADD COLUMN system_channel BIGINT NOT NULL DEFAULT 0;

-- By what public servers are found: servers.DiscoveryTokens of each. A search reads a stretch of the key.
CREATE TABLE discovery (
    token     {{text_binary}} NOT NULL,
    server_id BIGINT NOT NULL REFERENCES servers (id),
    PRIMARY KEY (token, server_id)
) {{without_rowid}};
CREATE INDEX discovery_by_server ON discovery (server_id);
