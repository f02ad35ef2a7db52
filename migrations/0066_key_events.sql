-- Who made, changed and ended which API key; and the record of lockouts, to which rows are only added.

-- Up Migration
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

CREATE TABLE access.key_events (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  key_id uuid NOT NULL,
  prefix text NOT NULL,
  type text NOT NULL,
  role text NOT NULL,
  account_id uuid,
  expires_at timestamptz,
  changed_by text NOT NULL,
  database_user text NOT NULL DEFAULT session_user,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT key_events_type_check CHECK (type IN ('ISSUED', 'CHANGED', 'REVOKED', 'REMOVED')),
  CONSTRAINT key_events_changed_by_check CHECK (length(btrim(changed_by)) BETWEEN 1 AND 200)
);
CREATE TRIGGER key_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON access.key_events
  FOR EACH STATEMENT EXECUTE FUNCTION portfolio.refuse_change();
COMMENT ON TABLE access.key_events IS
  'Append-only: every change of access.api_keys, written by its trigger, so that a change typed by hand is recorded too. '
  'No key refers to it: what is told of a key stays when its row is removed.';
COMMENT ON COLUMN access.key_events.changed_by IS
  'Who, as the transaction''s access.changed_by says; the database user where it says nothing.';

CREATE FUNCTION access.record_key_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  key access.api_keys := CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
BEGIN
  INSERT INTO access.key_events (key_id, prefix, type, role, account_id, expires_at, changed_by)
  VALUES (key.id, key.prefix,
    CASE WHEN TG_OP = 'INSERT' THEN 'ISSUED' WHEN TG_OP = 'DELETE' THEN 'REMOVED'
         WHEN OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL THEN 'REVOKED' ELSE 'CHANGED' END,
    key.role, key.account_id, key.expires_at,
    coalesce(nullif(btrim(current_setting('access.changed_by', true)), ''), 'sql:' || session_user));
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION access.record_key_change() IS 'Writes who changed which key; when it was last used is no change of it.';
CREATE TRIGGER api_keys_record_change AFTER INSERT OR DELETE
    OR UPDATE OF prefix, digest, role, account_id, created_at, expires_at, revoked_at ON access.api_keys
  FOR EACH ROW EXECUTE FUNCTION access.record_key_change();

-- A service that ended a key itself would leave a record too.
GRANT SELECT, INSERT ON access.key_events TO order_service;

CREATE TRIGGER lockout_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON access.lockout_events
  FOR EACH STATEMENT EXECUTE FUNCTION portfolio.refuse_change();

-- Down Migration
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

DROP TRIGGER lockout_events_append_only ON access.lockout_events;
DROP TRIGGER api_keys_record_change ON access.api_keys;
DROP FUNCTION access.record_key_change();
DROP TABLE access.key_events;
