-- migrate:up

-- What procrastinate does not keep of a job: how far it is, why it failed, and whether its effects are there. In the
-- transaction that writes the effects `committed_at` is set, so a job that is run again knows that it was done.
CREATE TABLE job_run (
    job_id          bigint      PRIMARY KEY REFERENCES procrastinate_jobs ON DELETE CASCADE,
    organization_id text, -- null: a job of the system
    started_at      timestamptz NOT NULL DEFAULT now(), -- of the last attempt
    failures        integer     NOT NULL DEFAULT 0, -- attempts that ended with an error
    losses          integer     NOT NULL DEFAULT 0, -- attempts that ended with their process
    done            bigint      NOT NULL DEFAULT 0,
    total           bigint, -- null: nobody knows
    error           text        CHECK (length(error) <= 500), -- of the last attempt that failed
    failed_at       timestamptz,
    committed_at    timestamptz
);
SELECT tenant_wall('job_run');

-- Who does jobs. It is a kind of API: what a task of an organization reads and writes lies behind the same wall, of the
-- organization that the job names. Of its own it has the queue.
DO $$
BEGIN
    CREATE ROLE spendlog_jobs NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; -- another database of the cluster made it
END
$$;
GRANT spendlog_api TO spendlog_jobs;
GRANT USAGE ON SCHEMA public TO spendlog_jobs;
GRANT SELECT, INSERT, UPDATE, DELETE ON procrastinate_jobs, procrastinate_workers, procrastinate_events,
    procrastinate_periodic_defers TO spendlog_jobs;
GRANT USAGE ON SEQUENCE procrastinate_jobs_id_seq, procrastinate_events_id_seq,
    procrastinate_periodic_defers_id_seq TO spendlog_jobs;
GRANT SELECT, INSERT, UPDATE, DELETE ON job_run TO spendlog_jobs;
GRANT SELECT ON job_run TO spendlog_api, spendlog_auditor;
CREATE POLICY jobs ON job_run TO spendlog_jobs USING (true);

-- Puts a job in its queue, in the transaction of what it is about. `p_key`: what it is about; of one task and key one job
-- waits at most, and its id is given then; two never run at the same time. The one that waits is locked until this
-- transaction ends: taken before, it would not see what is written here. Null: any number.
CREATE FUNCTION job_put(
    p_organization_id text, p_queue text, p_task text, p_key text, p_arguments jsonb, p_at timestamptz DEFAULT NULL
) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    o_lock text := p_queue || '.' || p_task || ':' || coalesce(p_organization_id, '') || ':' || p_key;
    o_id bigint;
BEGIN
    IF p_queue = 'webhooks' THEN
        RAISE EXCEPTION 'deliveries are asked for by webhook_wake';
    END IF;
    LOOP
        SELECT id INTO o_id FROM procrastinate_jobs WHERE queueing_lock = o_lock AND status = 'todo' FOR UPDATE;
        EXIT WHEN FOUND;
        BEGIN
            o_id := (procrastinate_defer_jobs_v1(ARRAY[ROW(
                p_queue, p_queue || '.' || p_task, 0, o_lock, o_lock,
                p_arguments || jsonb_build_object('organization_id', p_organization_id), p_at
            )::procrastinate_job_to_defer_v1]))[1];
            INSERT INTO job_run (job_id, organization_id) VALUES (o_id, p_organization_id);
            EXIT;
        EXCEPTION WHEN unique_violation THEN
            NULL; -- another writer has just asked for it: its job is looked for again, once that is there
        END;
    END LOOP;
    RETURN o_id;
END
$$;

-- The same for a session of the API: for its own organization, whatever the arguments say.
CREATE FUNCTION job_ask(p_queue text, p_task text, p_key text, p_arguments jsonb) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    o_organization_id text := nullif(current_setting('spendlog.organization', true), '');
BEGIN
    IF o_organization_id IS NULL THEN
        RAISE EXCEPTION 'nobody is identified: a job is asked for by an organization';
    END IF;
    RETURN job_put(o_organization_id, p_queue, p_task, p_key, p_arguments);
END
$$;

-- How the queues stand. `due`: could run now; `oldest_s`: since when the first of them could; `later`: waits for its time.
CREATE FUNCTION job_queues() RETURNS TABLE (
    queue text, due bigint, later bigint, running bigint, failed bigint, oldest_s double precision)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT j.queue_name,
        count(*) FILTER (WHERE j.status = 'todo' AND coalesce(j.scheduled_at, now()) <= now()),
        count(*) FILTER (WHERE j.status = 'todo' AND j.scheduled_at > now()),
        count(*) FILTER (WHERE j.status = 'doing'),
        count(*) FILTER (WHERE j.status = 'failed'),
        extract(epoch FROM now() - min(coalesce(j.scheduled_at, e.at))
            FILTER (WHERE j.status = 'todo' AND coalesce(j.scheduled_at, now()) <= now()))::float8
    FROM procrastinate_jobs j
    LEFT JOIN LATERAL (
        SELECT min(at) AS at FROM procrastinate_events WHERE job_id = j.id AND j.status = 'todo'
    ) AS e ON true
    WHERE j.status IN ('todo', 'doing', 'failed')
    GROUP BY j.queue_name
    ORDER BY j.queue_name;
$$;

-- Single jobs for those who run the system, newest first. `at`: due, begun or failed.
CREATE FUNCTION job_list(p_statuses text[], p_queue text, p_rows_max integer) RETURNS TABLE (
    job_id bigint, queue text, task text, status text, organization_id text, failures integer, losses integer,
    done bigint, total bigint, error text, at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT j.id, j.queue_name, j.task_name, j.status::text, r.organization_id, coalesce(r.failures, 0),
        coalesce(r.losses, 0), coalesce(r.done, 0), r.total, r.error,
        CASE j.status WHEN 'todo' THEN j.scheduled_at WHEN 'failed' THEN r.failed_at ELSE r.started_at END
    FROM procrastinate_jobs j LEFT JOIN job_run r ON r.job_id = j.id
    WHERE j.status::text = ANY (p_statuses) AND (p_queue IS NULL OR j.queue_name = p_queue)
    ORDER BY j.id DESC
    LIMIT p_rows_max;
$$;

-- A job that was given up, once more, with all its attempts. False: it is none, or one for the same waits already.
CREATE FUNCTION job_retry(p_job_id bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM 1 FROM procrastinate_jobs WHERE id = p_job_id AND status = 'failed' AND queue_name <> 'webhooks' FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM procrastinate_retry_job_v2(p_job_id, NULL, NULL, NULL, NULL);
    UPDATE job_run SET failures = 0, losses = 0, error = NULL, failed_at = NULL WHERE job_id = p_job_id;
    RETURN true;
EXCEPTION WHEN unique_violation THEN
    RETURN false;
END
$$;

REVOKE ALL ON FUNCTION job_put(text, text, text, text, jsonb, timestamptz), job_ask(text, text, text, jsonb),
    job_queues(), job_list(text[], text, integer), job_retry(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION job_put(text, text, text, text, jsonb, timestamptz) TO spendlog_jobs;
GRANT EXECUTE ON FUNCTION job_ask(text, text, text, jsonb) TO spendlog_api;
GRANT EXECUTE ON FUNCTION job_queues(), job_list(text[], text, integer) TO spendlog_api, spendlog_auditor;
GRANT EXECUTE ON FUNCTION job_retry(bigint) TO spendlog_api;

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'forward only: this migration holds what jobs have done'; END $$;
