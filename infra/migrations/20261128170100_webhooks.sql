-- migrate:up

CREATE TABLE webhook_endpoint (
    organization_id text        NOT NULL,
    endpoint_id     text        NOT NULL CHECK (length(endpoint_id) BETWEEN 1 AND 64),
    url             text        NOT NULL CHECK (length(url) BETWEEN 1 AND 2000),
    description     text        NOT NULL CHECK (length(description) <= 200),
    event_types     text[]      NOT NULL, -- empty: all
    department_ids  text[]      NOT NULL, -- empty: all, and what is no department's
    status          text        NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'paused')),
    paused_reason   text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    changed_at      timestamptz NOT NULL DEFAULT now(),
    failing_since   timestamptz, -- the first failure after the last success; null: it works
    failures        integer     NOT NULL DEFAULT 0, -- in a row, of those that say that it is away
    rests_until     timestamptz, -- nothing is sent before
    PRIMARY KEY (organization_id, endpoint_id),
    CHECK ((status = 'paused') = (paused_reason IS NOT NULL))
);

-- `secret` is written by the API, shown once, and read by the sender alone.
CREATE TABLE webhook_secret (
    organization_id text        NOT NULL,
    endpoint_id     text        NOT NULL,
    secret_id       bigint      GENERATED ALWAYS AS IDENTITY,
    secret          text        NOT NULL CHECK (length(secret) BETWEEN 30 AND 100),
    created_at      timestamptz NOT NULL DEFAULT now(),
    expires_at      timestamptz, -- null: until it is rotated
    PRIMARY KEY (organization_id, endpoint_id, secret_id),
    FOREIGN KEY (organization_id, endpoint_id) REFERENCES webhook_endpoint ON DELETE CASCADE
);

-- What is to be sent, and what became of it. `ordinal` is the order of the log within a partition, and so
-- within a `lane`: one payment, card or budget, whose deliveries to one endpoint go out one after the other.
CREATE TABLE webhook_delivery (
    organization_id text        NOT NULL,
    endpoint_id     text        NOT NULL,
    event_id        text        NOT NULL CHECK (length(event_id) BETWEEN 1 AND 64),
    ordinal         bigint      GENERATED ALWAYS AS IDENTITY,
    event_type      text        NOT NULL,
    department_id   text,
    lane            text        NOT NULL,
    body            text        NOT NULL,
    status          text        NOT NULL CHECK (status IN ('pending', 'delivered', 'failed', 'dropped')),
    attempts        integer     NOT NULL DEFAULT 0,
    created_at      timestamptz NOT NULL DEFAULT now(),
    due_at          timestamptz NOT NULL DEFAULT now(), -- of the next attempt
    gives_up_at     timestamptz NOT NULL DEFAULT now() + interval '3 days',
    ended_at        timestamptz,
    PRIMARY KEY (organization_id, endpoint_id, event_id),
    FOREIGN KEY (organization_id, endpoint_id) REFERENCES webhook_endpoint ON DELETE CASCADE,
    CHECK ((status = 'pending') = (ended_at IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX webhook_delivery_due ON webhook_delivery (organization_id, endpoint_id, due_at, ordinal)
    WHERE status = 'pending';
CREATE INDEX webhook_delivery_lane ON webhook_delivery (organization_id, endpoint_id, lane, ordinal)
    WHERE status = 'pending';
CREATE INDEX webhook_delivery_overdue ON webhook_delivery (gives_up_at) WHERE status = 'pending';
CREATE INDEX webhook_delivery_ended ON webhook_delivery (ended_at) WHERE status <> 'pending';
CREATE UNIQUE INDEX webhook_delivery_listed ON webhook_delivery (organization_id, endpoint_id, ordinal DESC);

CREATE TABLE webhook_attempt (
    organization_id text        NOT NULL,
    endpoint_id     text        NOT NULL,
    event_id        text        NOT NULL,
    number          integer     NOT NULL CHECK (number >= 1),
    at              timestamptz NOT NULL,
    took_ms         integer     NOT NULL,
    status_code     integer, -- null: there was no answer
    error           text,    -- null: it was taken
    answer          text,    -- the beginning of what came back
    PRIMARY KEY (organization_id, endpoint_id, event_id, number),
    FOREIGN KEY (organization_id, endpoint_id, event_id) REFERENCES webhook_delivery ON DELETE CASCADE
);

-- A job for the sender, unless one waits for this endpoint already. Deliveries are written before it is asked
-- for, in the same transaction. The job that waits is locked until that ends: taken before, it would not see
-- them; one that runs already is followed by this one.
CREATE FUNCTION webhook_wake(p_organization_id text, p_endpoint_id text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    p_lock text := 'webhook:' || p_organization_id || '/' || p_endpoint_id;
BEGIN
    PERFORM 1 FROM procrastinate_jobs WHERE queueing_lock = p_lock AND status = 'todo' FOR UPDATE;
    IF FOUND THEN
        RETURN;
    END IF;
    PERFORM procrastinate_defer_jobs_v1(ARRAY[ROW(
        'webhooks', 'webhooks.send', 0, p_lock, p_lock,
        jsonb_build_object('organization_id', p_organization_id, 'endpoint_id', p_endpoint_id), NULL
    )::procrastinate_job_to_defer_v1]);
EXCEPTION WHEN unique_violation THEN
    NULL; -- another writer has just asked for it
END
$$;
REVOKE ALL ON FUNCTION webhook_wake(text, text) FROM PUBLIC;

DO $$
BEGIN
    BEGIN
        CREATE ROLE spendlog_webhooks NOLOGIN;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END;
END
$$;
GRANT USAGE ON SCHEMA public TO spendlog_webhooks;

-- The sink: from the log to deliveries.
GRANT SELECT ON webhook_endpoint TO spendlog_sink;
GRANT SELECT, INSERT ON webhook_delivery TO spendlog_sink;
GRANT EXECUTE ON FUNCTION webhook_wake(text, text) TO spendlog_sink, spendlog_api, spendlog_webhooks;

-- The sender, alone with the secrets; what is old it takes away.
GRANT SELECT ON webhook_secret TO spendlog_webhooks;
GRANT SELECT, UPDATE ON webhook_endpoint TO spendlog_webhooks;
GRANT SELECT, UPDATE, DELETE ON webhook_delivery TO spendlog_webhooks;
GRANT SELECT, INSERT, DELETE ON webhook_attempt TO spendlog_webhooks;
GRANT SELECT, INSERT, UPDATE, DELETE ON procrastinate_jobs, procrastinate_workers, procrastinate_events,
    procrastinate_periodic_defers TO spendlog_webhooks;
GRANT USAGE ON SEQUENCE procrastinate_jobs_id_seq, procrastinate_events_id_seq,
    procrastinate_periodic_defers_id_seq TO spendlog_webhooks;

-- The API: everything but to read a secret back.
GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_endpoint TO spendlog_api;
GRANT SELECT (organization_id, endpoint_id, secret_id, created_at, expires_at), INSERT, DELETE,
    UPDATE (expires_at) ON webhook_secret TO spendlog_api;
GRANT SELECT, INSERT, UPDATE (status, due_at, gives_up_at, ended_at) ON webhook_delivery TO spendlog_api;
GRANT SELECT ON webhook_attempt TO spendlog_api;
GRANT SELECT ON webhook_endpoint, webhook_delivery, webhook_attempt TO spendlog_auditor;

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'forward only: this migration holds what endpoints are to be told'; END $$;
