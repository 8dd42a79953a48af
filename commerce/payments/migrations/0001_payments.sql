-- One attempt to pay an order with one method. Sums and status are a summary of the ledger, kept for lists and checks.
CREATE TABLE payment (
  id TEXT PRIMARY KEY,
  order_id TEXT NOT NULL,
  checkout_id TEXT,
  customer TEXT NOT NULL,
  -- Emptied when the outcome is known: nobody needs it any more.
  token TEXT NOT NULL,
  return_url TEXT,
  amount BIGINT NOT NULL CHECK (amount >= 0),
  currency TEXT NOT NULL,
  status TEXT NOT NULL,
  authorized BIGINT NOT NULL DEFAULT 0,
  captured BIGINT NOT NULL DEFAULT 0,
  refunded BIGINT NOT NULL DEFAULT 0,
  voided BIGINT NOT NULL DEFAULT 0,
  provider_id TEXT,
  -- 1 when it was called off: whatever succeeds later is reversed.
  given_up INTEGER NOT NULL DEFAULT 0,
  reason TEXT,
  -- 1 when something succeeded after that.
  late INTEGER NOT NULL DEFAULT 0,
  -- When reconciliation looks next, and how often it has; NULL when there is nothing to find out.
  look_at BIGINT,
  looks INTEGER NOT NULL DEFAULT 0,
  version INTEGER NOT NULL DEFAULT 1,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  CHECK (captured <= authorized),
  CHECK (refunded <= captured)
);
CREATE INDEX payment_by_order ON payment (order_id);
CREATE INDEX payment_by_time ON payment (created_at, id);
CREATE INDEX payment_to_look_at ON payment (look_at) WHERE look_at IS NOT NULL;

-- Append only: what is known, each fact once. State is a function of this set, whatever order it was learned in.
CREATE TABLE payment_ledger (
  payment_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  phase TEXT NOT NULL,
  ref TEXT NOT NULL,
  entry INTEGER NOT NULL,
  amount BIGINT NOT NULL,
  detail TEXT NOT NULL,
  source TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (payment_id, kind, phase, ref)
);

-- Webhooks as they came, stored before they are acknowledged. One that could not be applied at once waits here.
CREATE TABLE webhook_inbox (
  event_id TEXT PRIMARY KEY,
  type TEXT NOT NULL,
  payment_id TEXT,
  payload TEXT NOT NULL,
  received_at BIGINT NOT NULL,
  processed_at BIGINT,
  result TEXT,
  attempts INTEGER NOT NULL DEFAULT 0,
  next_at BIGINT
);
CREATE INDEX webhook_inbox_waiting ON webhook_inbox (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX webhook_inbox_by_time ON webhook_inbox (received_at);
