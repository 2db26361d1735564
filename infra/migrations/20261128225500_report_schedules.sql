-- migrate:up

-- Reports that are made by themselves, and kept. `next_at`: when the next one is due.
CREATE TABLE report_schedule (
    organization_id text        NOT NULL,
    schedule_id     text        NOT NULL CHECK (length(schedule_id) BETWEEN 1 AND 64),
    report          text        NOT NULL,
    period          text        NOT NULL,
    format          text        NOT NULL CHECK (format IN ('csv', 'xlsx')),
    every           text        NOT NULL CHECK (every IN ('day', 'week', 'month')),
    mail_to         text[]      NOT NULL CHECK (cardinality(mail_to) <= 50),
    next_at         timestamptz NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, schedule_id)
);
CREATE INDEX report_schedule_due ON report_schedule (next_at);
SELECT tenant_wall('report_schedule');

CREATE TABLE report_file (
    organization_id text        NOT NULL,
    file_id         bigint      GENERATED ALWAYS AS IDENTITY,
    schedule_id     text        NOT NULL,
    due_at          timestamptz NOT NULL,
    name            text        NOT NULL,
    media_type      text        NOT NULL,
    content         bytea       NOT NULL CHECK (octet_length(content) <= 20000000),
    made_at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, file_id),
    UNIQUE (organization_id, schedule_id, due_at) -- a tripwire: each due report is made once
);
SELECT tenant_wall('report_file');
GRANT SELECT, INSERT, UPDATE, DELETE ON report_schedule TO spendlog_api;
GRANT SELECT, INSERT, DELETE ON report_file TO spendlog_api;
GRANT SELECT ON report_schedule TO spendlog_auditor;

-- Puts a job for each report that is due, and says when the next one is. Of those that nobody was there for, one is made:
-- the last. Returns how many.
CREATE FUNCTION report_due() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    one report_schedule;
    o_step interval;
    o_due timestamptz;
    o_count integer := 0;
BEGIN
    FOR one IN SELECT * FROM report_schedule WHERE next_at <= now() FOR UPDATE SKIP LOCKED LOOP
        o_step := ('1 ' || one.every)::interval;
        o_due := one.next_at;
        WHILE o_due + o_step <= now() LOOP
            o_due := o_due + o_step;
        END LOOP;
        PERFORM job_put(one.organization_id, 'reports', 'make', one.schedule_id || ' ' || o_due,
            jsonb_build_object('schedule_id', one.schedule_id, 'due', o_due));
        UPDATE report_schedule SET next_at = o_due + o_step
        WHERE organization_id = one.organization_id AND schedule_id = one.schedule_id;
        o_count := o_count + 1;
    END LOOP;
    RETURN o_count;
END
$$;
REVOKE ALL ON FUNCTION report_due() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION report_due() TO spendlog_jobs;

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'forward only: this migration holds the reports that were made'; END $$;
