-- When instruments trade, closures at short notice, and what the last processing cycles did.

-- Up Migration
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

CREATE TABLE market.calendars (
  code text PRIMARY KEY,
  name text NOT NULL,
  CONSTRAINT calendars_code_check CHECK (code ~ '^[A-Za-z0-9]{3,10}$'),
  CONSTRAINT calendars_name_check CHECK (length(btrim(name)) BETWEEN 1 AND 100)
);
COMMENT ON TABLE market.calendars IS
  'The calendars that the service knows: equal to the list in domain/market-calendar.ts, where their days are.';
INSERT INTO market.calendars (code, name) VALUES ('24x7', 'Always open'), ('XNYS', 'New York Stock Exchange');

-- The default is right for crypto only, and the CHECK refuses it for anything else: an equity must name its market.
ALTER TABLE market.instruments ADD COLUMN calendar text NOT NULL DEFAULT '24x7';
UPDATE market.instruments SET calendar = 'XNYS' WHERE asset_class = 'equity';
ALTER TABLE market.instruments
  ADD CONSTRAINT instruments_calendar_fkey FOREIGN KEY (calendar) REFERENCES market.calendars (code),
  ADD CONSTRAINT instruments_calendar_check CHECK ((asset_class = 'crypto') = (calendar = '24x7'));
CREATE INDEX instruments_calendar_idx ON market.instruments (calendar);
COMMENT ON COLUMN market.instruments.calendar IS 'When the instrument trades. Outside its sessions none of its orders is filled.';

CREATE TABLE market.calendar_closures (
  calendar text NOT NULL REFERENCES market.calendars (code),
  day date NOT NULL,
  closes_at time,
  reason text NOT NULL,
  recorded_by text NOT NULL DEFAULT session_user,
  recorded_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (calendar, day),
  CONSTRAINT calendar_closures_calendar_check CHECK (calendar <> '24x7'),
  CONSTRAINT calendar_closures_closes_at_check CHECK (closes_at < '24:00' AND closes_at = date_trunc('minute', closes_at)),
  CONSTRAINT calendar_closures_reason_check CHECK (length(btrim(reason)) BETWEEN 1 AND 500),
  CONSTRAINT calendar_closures_recorded_by_check CHECK (length(btrim(recorded_by)) BETWEEN 1 AND 200)
);
COMMENT ON TABLE market.calendar_closures IS
  'Days on which a market closes although its calendar says that it opens. A closure only ever makes a day shorter.';
COMMENT ON COLUMN market.calendar_closures.day IS 'A day in the time zone of the market.';
COMMENT ON COLUMN market.calendar_closures.closes_at IS 'Wall-clock time of the market, to the minute; null: it does not open.';

CREATE TABLE execution.processing_cycles (
  source text PRIMARY KEY,
  started_at timestamptz NOT NULL,
  finished_at timestamptz,
  examined integer NOT NULL DEFAULT 0,
  executed integer NOT NULL DEFAULT 0,
  expired integer NOT NULL DEFAULT 0,
  failed integer NOT NULL DEFAULT 0,
  duration_ms numeric(12, 3),
  error_code text,
  CONSTRAINT processing_cycles_source_check CHECK (source IN ('scheduler', 'worker')),
  CONSTRAINT processing_cycles_finished_at_check CHECK (finished_at >= started_at),
  CONSTRAINT processing_cycles_counts_check CHECK (examined >= 0 AND executed >= 0 AND expired >= 0 AND failed >= 0),
  CONSTRAINT processing_cycles_duration_ms_check CHECK (
    duration_ms >= 0 AND duration_ms <> 'NaN' AND (duration_ms IS NULL) = (finished_at IS NULL)),
  CONSTRAINT processing_cycles_error_code_check CHECK (
    error_code IS NULL OR (finished_at IS NOT NULL AND length(error_code) BETWEEN 1 AND 64))
);
COMMENT ON TABLE execution.processing_cycles IS
  'The last processing cycle that a scheduler asked for, and the last one of the workers that was recorded: one row each.';
COMMENT ON COLUMN execution.processing_cycles.finished_at IS 'Null while the cycle runs, or when its process died in it.';
COMMENT ON COLUMN execution.processing_cycles.duration_ms IS 'Milliseconds.';

-- Down Migration
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

DROP TABLE execution.processing_cycles;
DROP TABLE market.calendar_closures;
ALTER TABLE market.instruments DROP COLUMN calendar;
DROP TABLE market.calendars;
