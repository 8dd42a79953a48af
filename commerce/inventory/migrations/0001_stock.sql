CREATE TABLE location (
  code TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  country TEXT NOT NULL,
  priority INTEGER NOT NULL
);

-- The hot table: one guarded statement changes a row, and the checks hold whatever the statement.
CREATE TABLE level (
  sku TEXT NOT NULL,
  location TEXT NOT NULL REFERENCES location (code),
  priority INTEGER NOT NULL,
  on_hand BIGINT NOT NULL CHECK (on_hand >= 0),
  reserved BIGINT NOT NULL CHECK (reserved >= 0),
  allocated BIGINT NOT NULL CHECK (allocated >= 0),
  safety BIGINT NOT NULL CHECK (safety >= 0),
  low_at BIGINT NOT NULL CHECK (low_at >= 0),
  PRIMARY KEY (sku, location),
  CHECK (reserved + allocated <= on_hand)
);

CREATE TABLE reservation (
  id TEXT PRIMARY KEY,
  order_id TEXT NOT NULL UNIQUE CHECK (order_id <> ''),
  state TEXT NOT NULL CHECK (state IN ('held', 'committed', 'fulfilled', 'released', 'expired')),
  reason TEXT NOT NULL,
  ttl_ms BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);

CREATE INDEX reservation_by_state ON reservation (state, expires_at, id);

CREATE TABLE reservation_line (
  reservation_id TEXT NOT NULL REFERENCES reservation (id),
  sku TEXT NOT NULL,
  location TEXT NOT NULL,
  quantity BIGINT NOT NULL CHECK (quantity > 0),
  fulfilled BIGINT NOT NULL CHECK (fulfilled >= 0 AND fulfilled <= quantity),
  returned BIGINT NOT NULL CHECK (returned >= 0 AND returned <= fulfilled),
  PRIMARY KEY (reservation_id, sku, location)
);

-- The ledger: rows are added and never changed. For each level, on_hand is their sum.
CREATE TABLE movement (
  id TEXT PRIMARY KEY,
  sku TEXT NOT NULL,
  location TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('receive', 'ship', 'return', 'adjust', 'transfer', 'write-off')),
  quantity BIGINT NOT NULL CHECK (quantity <> 0),
  order_id TEXT,
  reason TEXT NOT NULL,
  actor TEXT NOT NULL,
  at BIGINT NOT NULL
);

CREATE INDEX movement_by_level ON movement (sku, location, id);
CREATE INDEX movement_by_order ON movement (order_id, id);
