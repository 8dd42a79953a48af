-- Checkouts that gave a cart up before they had frozen it: a request that was late on its way must not freeze it any more.
CREATE TABLE given_up (checkout_id TEXT PRIMARY KEY, cart_id TEXT NOT NULL, at BIGINT NOT NULL);
CREATE INDEX given_up_at ON given_up (at);
