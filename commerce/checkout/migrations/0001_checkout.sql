CREATE TABLE checkout (
  checkout_id TEXT PRIMARY KEY, subject TEXT NOT NULL, cart_id TEXT NOT NULL, status TEXT NOT NULL,
  currency TEXT, total BIGINT, hash TEXT, missing TEXT NOT NULL, attempt INTEGER NOT NULL, saga_id TEXT,
  order_id TEXT, redirect_url TEXT, problem TEXT, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL);
CREATE INDEX checkout_idle ON checkout (status, updated_at);
