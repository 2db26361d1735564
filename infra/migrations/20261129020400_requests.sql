-- migrate:up

-- What people ask for and others approve, of each kind: more of a budget for a while, a card with a budget of its own, or
-- a budget. It was increases alone. `starts_at`, `ends_at`: of an increase; `budget`: terms of the budget that the last
-- approval sets, `card`: of the card that it registers. `lapses_at`: nobody may answer it from then on; null: asked by a
-- version without an end.
ALTER TABLE increase_request RENAME TO approval_request;
ALTER INDEX increase_request_pkey RENAME TO approval_request_pkey;
ALTER TABLE approval_request
    ADD COLUMN kind text NOT NULL DEFAULT 'increase' CHECK (kind IN ('increase', 'card', 'budget')),
    ADD COLUMN budget json,
    ADD COLUMN card json,
    ADD COLUMN lapses_at timestamptz,
    ADD COLUMN on_behalf_of text[] NOT NULL DEFAULT '{}', -- of each approval: who was away; '': nobody
    ADD COLUMN refused_on_behalf_of text CONSTRAINT approval_request_refused_on_behalf_of_bound
        CHECK (length(refused_on_behalf_of) BETWEEN 0 AND 200),
    ALTER COLUMN ends_at DROP NOT NULL,
    DROP CONSTRAINT increase_request_status_check,
    ADD CONSTRAINT approval_request_status_check
        CHECK (status IN ('waiting', 'approved', 'refused', 'lapsed')),
    ADD CONSTRAINT approval_request_wanted CHECK (
        (kind = 'increase') = (ends_at IS NOT NULL) AND (kind = 'increase') = (budget IS NULL)
        AND (kind = 'card') = (card IS NOT NULL));
ALTER TABLE approval_request ALTER COLUMN kind DROP DEFAULT;
CREATE INDEX approval_request_lapses ON approval_request (lapses_at) WHERE status = 'waiting';
CREATE INDEX approval_request_of ON approval_request (organization_id, asked_by);

-- Who answers requests for whom while he is away: the last that was said of each. `ended_at`: taken back before `until`.
CREATE TABLE delegation (
    organization_id text        NOT NULL CONSTRAINT delegation_organization_id_bound
        CHECK (length(organization_id) BETWEEN 1 AND 64),
    department_id   text        NOT NULL CONSTRAINT delegation_department_id_bound
        CHECK (length(department_id) BETWEEN 1 AND 64),
    absent          text        NOT NULL CONSTRAINT delegation_absent_bound
        CHECK (length(absent) BETWEEN 1 AND 200),
    delegate        text        NOT NULL CONSTRAINT delegation_delegate_bound
        CHECK (length(delegate) BETWEEN 1 AND 200),
    starts_at       timestamptz NOT NULL,
    until           timestamptz NOT NULL CHECK (until > starts_at),
    set_by          text        NOT NULL CONSTRAINT delegation_set_by_bound
        CHECK (length(set_by) BETWEEN 1 AND 200),
    ended_at        timestamptz,
    ended_by        text        CONSTRAINT delegation_ended_by_bound
        CHECK (length(ended_by) BETWEEN 1 AND 200),
    partition       integer     NOT NULL,
    seq             bigint      NOT NULL, -- the last decision about it
    PRIMARY KEY (organization_id, department_id, absent),
    CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);
SELECT tenant_wall('delegation');
GRANT SELECT ON delegation TO spendlog_api, spendlog_auditor;
GRANT SELECT, INSERT, UPDATE ON delegation TO spendlog_sink;
GRANT SELECT (organization_id, department_id, lapses_at, status) ON approval_request TO spendlog_ticker;

-- How often those who may answer a request were reminded of it.
CREATE TABLE request_reminder (
    organization_id text        NOT NULL CHECK (length(organization_id) BETWEEN 1 AND 64),
    department_id   text        NOT NULL CHECK (length(department_id) BETWEEN 1 AND 64),
    request_id      text        NOT NULL CHECK (length(request_id) BETWEEN 1 AND 128),
    times           integer     NOT NULL CHECK (times BETWEEN 1 AND 1000),
    reminded_at     timestamptz NOT NULL,
    PRIMARY KEY (organization_id, department_id, request_id)
);
SELECT tenant_wall('request_reminder');
GRANT SELECT, INSERT, UPDATE ON request_reminder TO spendlog_api;
GRANT SELECT ON request_reminder TO spendlog_auditor;

-- Asks each organization in which a request waits to remind its people.
CREATE FUNCTION requests_remind() RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT count(job_put(one.organization_id, 'requests', 'remind', 'waiting', '{}'))
    FROM (SELECT DISTINCT organization_id FROM approval_request WHERE status = 'waiting') AS one;
$$;
REVOKE ALL ON FUNCTION requests_remind() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION requests_remind() TO spendlog_jobs;

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'forward only: cards and budgets that were asked for have no place in the table before'; END $$;
