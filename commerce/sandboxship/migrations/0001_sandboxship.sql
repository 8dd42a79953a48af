-- A label, by the sender's own reference: asked for twice it is one. A reference that was called off first is `cancelled`.
CREATE TABLE parcel (
  reference TEXT PRIMARY KEY, label_id TEXT NOT NULL, tracking_number TEXT UNIQUE, service TEXT NOT NULL,
  carrier TEXT NOT NULL, country TEXT NOT NULL, status TEXT NOT NULL,
  -- What is going to happen to it, and how far that is. JSON.
  plan TEXT NOT NULL, step INTEGER NOT NULL,
  -- When the next step happens; NULL when nothing does.
  next_at BIGINT, created_at BIGINT NOT NULL);
CREATE INDEX parcel_to_move ON parcel (next_at) WHERE next_at IS NOT NULL;

-- Append only: what happened to each parcel, for ever.
CREATE TABLE ledger (
  position BIGINT PRIMARY KEY, reference TEXT NOT NULL, tracking_number TEXT, entry_id TEXT NOT NULL,
  status TEXT NOT NULL, at BIGINT NOT NULL, place TEXT, message TEXT NOT NULL);
CREATE INDEX ledger_by_reference ON ledger (reference, position);
CREATE INDEX ledger_by_tracking ON ledger (tracking_number, position);

-- Webhooks to be sent. `next_at` is NULL when one was acknowledged, or given up after many attempts.
CREATE TABLE delivery (
  event_id TEXT PRIMARY KEY, payload TEXT NOT NULL, created_at BIGINT NOT NULL, attempts INTEGER NOT NULL,
  next_at BIGINT, last_result TEXT);
CREATE INDEX delivery_waiting ON delivery (next_at, event_id) WHERE next_at IS NOT NULL;
