-- Intents are documents: nothing is asked of them but by id and by the caller's own ids.
CREATE TABLE intent (
  id TEXT PRIMARY KEY,
  payment_id TEXT,
  order_id TEXT,
  body TEXT NOT NULL,
  settle_at BIGINT,
  created_at BIGINT NOT NULL
);
CREATE INDEX intent_by_payment ON intent (payment_id);
CREATE INDEX intent_by_order ON intent (order_id);
CREATE INDEX intent_by_time ON intent (created_at, id);
CREATE INDEX intent_to_settle ON intent (settle_at) WHERE settle_at IS NOT NULL;

-- Append only: every movement of money, for ever.
CREATE TABLE ledger (
  position BIGINT PRIMARY KEY,
  intent_id TEXT NOT NULL,
  payment_id TEXT,
  order_id TEXT,
  kind TEXT NOT NULL,
  amount BIGINT NOT NULL CHECK (amount >= 0),
  currency TEXT NOT NULL,
  at BIGINT NOT NULL
);
CREATE INDEX ledger_by_payment ON ledger (payment_id, position);

-- Webhooks to be sent. `next_at` is NULL when one was acknowledged, or given up after many attempts.
CREATE TABLE delivery (
  event_id TEXT PRIMARY KEY,
  intent_id TEXT NOT NULL,
  type TEXT NOT NULL,
  payload TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  attempts INTEGER NOT NULL,
  next_at BIGINT,
  delivered_at BIGINT,
  last_result TEXT
);
CREATE INDEX delivery_waiting ON delivery (next_at, event_id) WHERE next_at IS NOT NULL;
