-- migrate:up

-- Settlement files of processors, line by line, and what each line is against the books: docs/decisions/0062. What moves
-- money is an event in the log; here stands who found what, and who said what about it.
CREATE TABLE settlement_file (
    organization_id text        NOT NULL CHECK (length(organization_id) BETWEEN 1 AND 64),
    file_id         text        NOT NULL CHECK (length(file_id) BETWEEN 1 AND 64),
    name            text        NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    format          text        NOT NULL CHECK (length(format) BETWEEN 1 AND 20),
    digest          text        NOT NULL CHECK (length(digest) = 64),
    status          text        NOT NULL DEFAULT 'receiving'
        CHECK (status IN ('receiving', 'matching', 'matched', 'replaced')),
    lines           integer     NOT NULL CHECK (lines BETWEEN 0 AND 1000000), -- those that cannot be used included
    account         jsonb       NOT NULL, -- where all of the file went
    since           date        NOT NULL,
    until           date        NOT NULL,
    time_zone       text        NOT NULL CHECK (length(time_zone) BETWEEN 1 AND 64),
    days_max        smallint    NOT NULL CHECK (days_max BETWEEN 0 AND 31),
    replaces        text,
    uploaded_by     text        NOT NULL CHECK (length(uploaded_by) BETWEEN 1 AND 200),
    uploaded_at     timestamptz NOT NULL DEFAULT now(),
    matched_at      timestamptz,
    PRIMARY KEY (organization_id, file_id),
    CHECK (since <= until)
);
COMMENT ON COLUMN settlement_file.digest IS 'SHA-256 of the file and of what it was read by: the same is the same file';
COMMENT ON COLUMN settlement_file.days_max IS 'so many days may lie between a line and its booking';
CREATE INDEX settlement_file_by_time ON settlement_file (organization_id, uploaded_at, file_id);
SELECT tenant_wall('settlement_file');

-- n up to the file's lines: a line of it; above: a booking that the file should have and has not.
CREATE TABLE settlement_item (
    organization_id  text     NOT NULL CHECK (length(organization_id) BETWEEN 1 AND 64),
    file_id          text     NOT NULL CHECK (length(file_id) BETWEEN 1 AND 64),
    n                integer  NOT NULL CHECK (n > 0),
    number           integer, -- its place in the file; null: it is not in it
    refund           boolean,
    minor            bigint   CHECK (minor > 0),
    currency         text     CHECK (length(currency) = 3),
    day              date,
    bought           date,
    reference        text     CHECK (length(reference) BETWEEN 1 AND 128),
    authorization_id text     CHECK (length(authorization_id) BETWEEN 1 AND 128),
    card_id          text     CHECK (length(card_id) BETWEEN 1 AND 128),
    merchant         text     CHECK (length(merchant) BETWEEN 1 AND 200),
    merchant_key     text     CHECK (length(merchant_key) BETWEEN 1 AND 200),
    unreadable       text     CHECK (length(unreadable) BETWEEN 1 AND 500), -- why the line cannot be used
    active           boolean  NOT NULL DEFAULT true, -- false: its file was replaced
    result           text     CHECK (result IN (
        'matched', 'differs', 'missing_here', 'missing_there', 'duplicate', 'unreadable')),
    differences      text[]   NOT NULL DEFAULT '{}',
    matched_by       text     CHECK (length(matched_by) BETWEEN 1 AND 40),
    partition        integer, -- with seq: the decision that booked it
    seq              bigint,
    booked_minor     bigint,
    booked_currency  text     CHECK (length(booked_currency) = 3),
    booked_day       date,
    department_id    text     CHECK (length(department_id) BETWEEN 1 AND 64),
    twin_file_id     text     CHECK (length(twin_file_id) BETWEEN 1 AND 64), -- of a duplicate: which line it repeats
    twin_n           integer,
    resolution       text     CHECK (resolution IN (
        'accepted', 'posted', 'reversed', 'reposted', 'matched_later')),
    reason           text     CHECK (length(reason) BETWEEN 1 AND 500),
    resolved_by      text     CHECK (length(resolved_by) BETWEEN 1 AND 200),
    resolved_at      timestamptz,
    resolved_seq     bigint, -- of the decision that did it, in the department's partition
    -- What moves money is open until the log has it: somebody may have to do it to its end.
    is_open          boolean  GENERATED ALWAYS AS (
        active AND result IS NOT NULL AND result <> 'matched' AND (
            resolution IS NULL OR (resolution IN ('posted', 'reversed', 'reposted') AND resolved_seq IS NULL))) STORED,
    PRIMARY KEY (organization_id, file_id, n),
    FOREIGN KEY (organization_id, file_id) REFERENCES settlement_file
);
CREATE INDEX settlement_item_open ON settlement_item (organization_id, file_id, n) WHERE is_open;
CREATE INDEX settlement_item_by_result ON settlement_item (organization_id, file_id, result, n);
CREATE INDEX settlement_item_by_reference ON settlement_item (organization_id, reference) WHERE active;
-- A booking settles one line, of whichever file.
CREATE UNIQUE INDEX settlement_item_settles_once ON settlement_item (organization_id, partition, seq)
    WHERE active AND seq IS NOT NULL AND result <> 'missing_there';
SELECT tenant_wall('settlement_item');

-- What a month's books are once it is closed: those up to these places of the log. What the log gets later counts in the
-- next month, whatever day it is of. Nobody changes this, and nothing in the log depends on it.
CREATE TABLE period_close (
    organization_id text        NOT NULL CHECK (length(organization_id) BETWEEN 1 AND 64),
    period          text        NOT NULL CHECK (period ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'),
    until           timestamptz NOT NULL, -- the first moment of the next month
    time_zone       text        NOT NULL CHECK (length(time_zone) BETWEEN 1 AND 64),
    positions       jsonb       NOT NULL, -- partition -> number of the first decision that is not in it
    totals          jsonb       NOT NULL, -- what was booked in the month until then
    reason          text        NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    closed_by       text        NOT NULL CHECK (length(closed_by) BETWEEN 1 AND 200),
    closed_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, period)
);
SELECT tenant_wall('period_close');

CREATE FUNCTION refuse_period_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION '% of % refused: a closed period stays closed', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER closed BEFORE UPDATE OR DELETE OR TRUNCATE ON period_close
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_period_change();
ALTER TABLE period_close ENABLE ALWAYS TRIGGER closed;

-- When a booking counts: at its own time, or where that month was closed before the log had it, at the start of the next.
CREATE FUNCTION accounting_time(p_organization_id text, p_partition integer, p_seq bigint, p_at timestamptz)
RETURNS timestamptz
LANGUAGE sql STABLE AS $$
    SELECT greatest(p_at, (
        SELECT max(c.until) FROM period_close c
        WHERE c.organization_id = p_organization_id
            AND p_seq >= coalesce((c.positions ->> p_partition::text)::bigint, 0)))
$$;
COMMENT ON FUNCTION accounting_time IS 'of a transfer, by its own partition, seq and occurred_at (else recorded_at)';

-- What was settled with the card network in [p_since, p_until) by the time in which it counts.
CREATE FUNCTION settled_between(p_organization_id text, p_since timestamptz, p_until timestamptz)
RETURNS TABLE (department_id text, kind text, currency text, amount bigint, transfers bigint)
LANGUAGE sql STABLE AS $$
    SELECT t.department_id, t.kind, t.currency, sum(t.amount)::bigint, count(*)
    FROM transfer t
    CROSS JOIN LATERAL (
        SELECT accounting_time(t.organization_id, t.partition, t.seq, coalesce(t.occurred_at, t.recorded_at)) AS at
    ) AS counts
    WHERE t.organization_id = p_organization_id AND t.layer = 'posted'
        AND t.recorded_at >= p_since - interval '1 day' -- so far may an event be ahead, and what is moved here came later
        AND counts.at >= p_since AND counts.at < p_until
    GROUP BY t.department_id, t.kind, t.currency
    ORDER BY t.department_id, t.kind, t.currency
$$;

GRANT SELECT, INSERT, UPDATE ON settlement_file TO spendlog_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON settlement_item TO spendlog_api;
GRANT SELECT, INSERT ON period_close TO spendlog_api;
GRANT SELECT ON settlement_file, settlement_item, period_close TO spendlog_auditor;
DO $$
BEGIN
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO spendlog_jobs', current_database());
END
$$;

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'forward only: this migration holds what was reconciled and closed'; END $$;
