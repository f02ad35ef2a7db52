-- Failed attempts to authenticate and the lockouts that follow, shared by all replicas; and which key replaces which.

-- Up Migration
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

CREATE TABLE access.auth_failures (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  address cidr NOT NULL,
  prefix text NOT NULL DEFAULT '',
  failures integer NOT NULL,
  last_failure_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  locked_until timestamptz,
  CONSTRAINT auth_failures_address_prefix_key UNIQUE (address, prefix),
  CONSTRAINT auth_failures_prefix_check CHECK (prefix ~ '^([a-z0-9]{8})?$'),
  CONSTRAINT auth_failures_failures_check CHECK (failures >= 1),
  CONSTRAINT auth_failures_expires_at_check CHECK (expires_at > last_failure_at),
  CONSTRAINT auth_failures_locked_until_check CHECK (locked_until <= expires_at)
);
CREATE INDEX auth_failures_expires_at_idx ON access.auth_failures (expires_at);
COMMENT ON TABLE access.auth_failures IS
  'Failed attempts per client address (an IPv4 address or an IPv6 /56) and key prefix; the empty prefix counts all that came from the address. A row means nothing after expires_at.';
COMMENT ON COLUMN access.auth_failures.locked_until IS
  'Until then the address is refused, for keys of this prefix or, with the empty one, altogether.';

CREATE TABLE access.lockout_events (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  address cidr NOT NULL,
  prefix text NOT NULL,
  type text NOT NULL,
  changed_by text NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT lockout_events_type_check CHECK (type IN ('LOCKED', 'CLEARED')),
  CONSTRAINT lockout_events_changed_by_check CHECK (length(changed_by) BETWEEN 1 AND 200)
);
COMMENT ON TABLE access.lockout_events IS
  'Every lockout and every clearing of one, with who did it: the service itself, or an operator.';

ALTER TABLE access.api_keys ADD COLUMN replaces uuid CONSTRAINT api_keys_replaces_fkey REFERENCES access.api_keys (id);
CREATE INDEX api_keys_replaces_idx ON access.api_keys (replaces);
COMMENT ON COLUMN access.api_keys.replaces IS 'The key that this one was made to replace, when keys were rotated.';

-- Down Migration
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

ALTER TABLE access.api_keys DROP COLUMN replaces;
DROP TABLE access.lockout_events;
DROP TABLE access.auth_failures;
