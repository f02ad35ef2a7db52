-- Fills, the outbox, and the replies that idempotency keys replay.

-- Up Migration
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

CREATE TABLE execution.fills (
  id uuid PRIMARY KEY,
  order_id uuid NOT NULL REFERENCES execution.orders (id),
  exchange_fill_id text NOT NULL,
  quantity numeric(20, 8) NOT NULL,
  price numeric(20, 8) NOT NULL,
  fee numeric(38, 16) NOT NULL DEFAULT 0,
  at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT fills_exchange_fill_id_key UNIQUE (exchange_fill_id),
  CONSTRAINT fills_quantity_check CHECK (quantity > 0 AND quantity <> 'NaN'),
  CONSTRAINT fills_price_check CHECK (price > 0 AND price <> 'NaN'),
  CONSTRAINT fills_fee_check CHECK (fee >= 0 AND fee <> 'NaN')
);
CREATE INDEX fills_order_id_idx ON execution.fills (order_id);
CREATE TRIGGER fills_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON execution.fills
  FOR EACH STATEMENT EXECUTE FUNCTION portfolio.refuse_change();
COMMENT ON TABLE execution.fills IS
  'Append-only. exchange_fill_id makes a fill that is reported twice count once.';

CREATE TABLE execution.portfolio_events_outbox (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  order_id uuid NOT NULL REFERENCES execution.orders (id),
  type text NOT NULL,
  payload jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  processed_at timestamptz,
  CONSTRAINT outbox_payload_check CHECK (jsonb_typeof(payload) = 'object')
);
CREATE INDEX outbox_unprocessed_idx ON execution.portfolio_events_outbox (id) WHERE processed_at IS NULL;
CREATE INDEX outbox_order_id_idx ON execution.portfolio_events_outbox (order_id);
COMMENT ON TABLE execution.portfolio_events_outbox IS
  'What other parts must hear of, at least once. Claimed by processed_at, never by id: a lower id may commit later.';

CREATE TABLE execution.idempotency_keys (
  account_id uuid NOT NULL REFERENCES portfolio.accounts (id),
  key text NOT NULL,
  request_hash text NOT NULL,
  order_id uuid NOT NULL REFERENCES execution.orders (id),
  response_status integer NOT NULL,
  response_body text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (account_id, key),
  CONSTRAINT idempotency_keys_key_check CHECK (key ~ '^[!-~]{1,255}$'),
  CONSTRAINT idempotency_keys_request_hash_check CHECK (length(request_hash) BETWEEN 1 AND 128),
  CONSTRAINT idempotency_keys_response_status_check CHECK (response_status BETWEEN 100 AND 599)
);
CREATE INDEX idempotency_keys_order_id_idx ON execution.idempotency_keys (order_id);
CREATE INDEX idempotency_keys_created_at_idx ON execution.idempotency_keys (created_at);
COMMENT ON TABLE execution.idempotency_keys IS
  'The stored reply per account and Idempotency-Key, written in the transaction of the order, replayed byte by byte.';

-- Down Migration
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

DROP TABLE execution.idempotency_keys;
DROP TABLE execution.portfolio_events_outbox;
DROP TABLE execution.fills;
