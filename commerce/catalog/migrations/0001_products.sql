-- `path` holds the slugs from the top, "/shelter/tents/": all below a category is one range.
CREATE TABLE category (
  id TEXT PRIMARY KEY,
  slug TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  parent_id TEXT REFERENCES category (id),
  position INTEGER NOT NULL,
  path TEXT NOT NULL UNIQUE,
  version INTEGER NOT NULL
);

CREATE INDEX category_by_parent ON category (parent_id);

CREATE TABLE attribute (
  code TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  type TEXT NOT NULL CHECK (type IN ('text', 'number', 'boolean', 'choice')),
  choices TEXT NOT NULL,
  unit TEXT,
  facet INTEGER NOT NULL
);

-- `options`, `attributes` and `media` are JSON: they are read and written as a whole.
CREATE TABLE product (
  id TEXT PRIMARY KEY,
  slug TEXT NOT NULL UNIQUE,
  title TEXT NOT NULL,
  description TEXT NOT NULL,
  brand TEXT NOT NULL,
  tax_category TEXT NOT NULL,
  options TEXT NOT NULL,
  attributes TEXT NOT NULL,
  media TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('draft', 'published', 'archived')),
  version INTEGER NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  published_at BIGINT
);

CREATE INDEX product_by_status ON product (status, published_at, id);

CREATE TABLE product_category (
  product_id TEXT NOT NULL REFERENCES product (id),
  category_id TEXT NOT NULL REFERENCES category (id),
  PRIMARY KEY (product_id, category_id)
);

CREATE INDEX product_category_by_category ON product_category (category_id, product_id);

CREATE TABLE variant (
  sku TEXT PRIMARY KEY,
  product_id TEXT NOT NULL REFERENCES product (id),
  position INTEGER NOT NULL,
  title TEXT NOT NULL,
  options TEXT NOT NULL,
  weight_grams INTEGER NOT NULL CHECK (weight_grams >= 0),
  barcode TEXT,
  active INTEGER NOT NULL,
  version INTEGER NOT NULL
);

CREATE INDEX variant_by_product ON variant (product_id, position);

-- The search's own index, of published products only; written in the transaction that changes the product.
CREATE TABLE search_term (
  term TEXT NOT NULL,
  product_id TEXT NOT NULL REFERENCES product (id),
  weight INTEGER NOT NULL,
  PRIMARY KEY (term, product_id)
);

CREATE INDEX search_term_by_product ON search_term (product_id);

CREATE TABLE search_facet (
  code TEXT NOT NULL,
  value TEXT NOT NULL,
  product_id TEXT NOT NULL REFERENCES product (id),
  PRIMARY KEY (code, value, product_id)
);

CREATE INDEX search_facet_by_product ON search_facet (product_id);
