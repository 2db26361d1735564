-- migrate:up

-- Schedules that people set: from when on, in whose days, and whether they rest. Each is due at `starts_at` and so many
-- steps after it in that time zone: one of the 31st is due on the last day of shorter months, and on the 31st again.
ALTER TABLE report_schedule
    ADD COLUMN starts_at timestamptz,
    ADD COLUMN time_zone text NOT NULL DEFAULT 'UTC' CHECK (length(time_zone) BETWEEN 1 AND 64),
    ADD COLUMN paused boolean NOT NULL DEFAULT false,
    ADD COLUMN set_by text CHECK (length(set_by) BETWEEN 1 AND 200); -- null: at the command line
COMMENT ON COLUMN report_schedule.starts_at IS 'null: when next_at was set first, by a version before this column';

CREATE FUNCTION report_time(one report_schedule, p_steps integer) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
    SELECT ((coalesce(one.starts_at, one.next_at) AT TIME ZONE one.time_zone)
        + p_steps * ('1 ' || one.every)::interval) AT TIME ZONE one.time_zone
$$;
COMMENT ON FUNCTION report_time IS 'when a schedule is due, so many steps after its first time';

CREATE OR REPLACE FUNCTION report_due() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    one report_schedule;
    o_steps integer;
    o_due timestamptz;
    o_count integer := 0;
BEGIN
    FOR one IN SELECT * FROM report_schedule WHERE next_at <= now() AND NOT paused FOR UPDATE SKIP LOCKED LOOP
        -- The last that is due: so many steps have passed at least.
        o_steps := floor(extract(epoch FROM now() - coalesce(one.starts_at, one.next_at)) / 86400
            / CASE one.every WHEN 'day' THEN 1.1 WHEN 'week' THEN 7.1 ELSE 31.1 END);
        WHILE report_time(one, o_steps + 1) <= now() LOOP
            o_steps := o_steps + 1;
        END LOOP;
        o_due := report_time(one, o_steps);
        PERFORM job_put(one.organization_id, 'reports', 'make', one.schedule_id || ' ' || o_due,
            jsonb_build_object('schedule_id', one.schedule_id, 'due', o_due));
        UPDATE report_schedule SET starts_at = coalesce(starts_at, next_at), next_at = report_time(one, o_steps + 1)
        WHERE organization_id = one.organization_id AND schedule_id = one.schedule_id;
        o_count := o_count + 1;
    END LOOP;
    RETURN o_count;
END
$$;

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'forward only: schedules would forget whose days they go by'; END $$;
