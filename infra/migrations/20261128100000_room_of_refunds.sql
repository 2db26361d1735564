-- migrate:up

-- Refunds give back at most what was posted in the period: docs/decisions/0017.
ALTER TABLE budget_period DROP COLUMN available_minor;
ALTER TABLE budget_period ADD COLUMN available_minor bigint
    GENERATED ALWAYS AS (limit_minor - greatest(posted_minor, 0) - held_minor) STORED;

CREATE OR REPLACE FUNCTION department_balances(
    organization text,
    department   text,
    recorded_by  timestamptz DEFAULT 'infinity',
    occurred_by  timestamptz DEFAULT 'infinity',
    up_to        bigint DEFAULT NULL
) RETURNS TABLE (
    period text, currency text, limit_minor bigint, posted bigint, pending bigint, available bigint)
LANGUAGE sql STABLE AS $$
    WITH own AS (
        SELECT b.currency, b.partition,
            'department:' || organization || '/' || department || ':' AS prefix
        FROM budget b
        WHERE b.organization_id = organization AND b.department_id = department
            AND b.budget_id = 'department'
    ), booked AS (
        SELECT e.period,
            sum(e.amount) FILTER (WHERE e.account IN (prefix || 'card-spend', prefix || 'fx-difference'))
                AS posted,
            sum(e.amount) FILTER (WHERE e.account = prefix || 'encumbrance') AS pending
        FROM entry e
        JOIN own ON e.partition = own.partition
        WHERE e.organization_id = organization AND e.department_id = department
            AND e.recorded_at <= recorded_by
            AND coalesce(e.occurred_at, e.recorded_at) <= occurred_by
            AND (up_to IS NULL OR e.seq <= up_to)
        GROUP BY e.period
    ), limits AS (
        SELECT DISTINCT ON (l.period) l.period, l.limit_minor
        FROM limit_change l
        WHERE l.organization_id = organization AND l.department_id = department
            AND l.recorded_at <= recorded_by AND l.occurred_at <= occurred_by
            AND (up_to IS NULL OR l.seq <= up_to)
        ORDER BY l.period, l.seq DESC
    )
    SELECT limits.period, own.currency, limits.limit_minor,
        coalesce(booked.posted, 0)::bigint, coalesce(booked.pending, 0)::bigint,
        (limits.limit_minor - greatest(coalesce(booked.posted, 0), 0) - coalesce(booked.pending, 0))::bigint
    FROM own
    CROSS JOIN limits
    LEFT JOIN booked USING (period)
    ORDER BY limits.period
$$;

-- migrate:down
ALTER TABLE budget_period DROP COLUMN available_minor;
ALTER TABLE budget_period ADD COLUMN available_minor bigint
    GENERATED ALWAYS AS (limit_minor - posted_minor - held_minor) STORED;

CREATE OR REPLACE FUNCTION department_balances(
    organization text,
    department   text,
    recorded_by  timestamptz DEFAULT 'infinity',
    occurred_by  timestamptz DEFAULT 'infinity',
    up_to        bigint DEFAULT NULL
) RETURNS TABLE (
    period text, currency text, limit_minor bigint, posted bigint, pending bigint, available bigint)
LANGUAGE sql STABLE AS $$
    WITH own AS (
        SELECT b.currency, b.partition,
            'department:' || organization || '/' || department || ':' AS prefix
        FROM budget b
        WHERE b.organization_id = organization AND b.department_id = department
            AND b.budget_id = 'department'
    ), booked AS (
        SELECT e.period,
            sum(e.amount) FILTER (WHERE e.account IN (prefix || 'card-spend', prefix || 'fx-difference'))
                AS posted,
            sum(e.amount) FILTER (WHERE e.account = prefix || 'encumbrance') AS pending
        FROM entry e
        JOIN own ON e.partition = own.partition
        WHERE e.organization_id = organization AND e.department_id = department
            AND e.recorded_at <= recorded_by
            AND coalesce(e.occurred_at, e.recorded_at) <= occurred_by
            AND (up_to IS NULL OR e.seq <= up_to)
        GROUP BY e.period
    ), limits AS (
        SELECT DISTINCT ON (l.period) l.period, l.limit_minor
        FROM limit_change l
        WHERE l.organization_id = organization AND l.department_id = department
            AND l.recorded_at <= recorded_by AND l.occurred_at <= occurred_by
            AND (up_to IS NULL OR l.seq <= up_to)
        ORDER BY l.period, l.seq DESC
    )
    SELECT limits.period, own.currency, limits.limit_minor,
        coalesce(booked.posted, 0)::bigint, coalesce(booked.pending, 0)::bigint,
        (limits.limit_minor - coalesce(booked.posted, 0) - coalesce(booked.pending, 0))::bigint
    FROM own
    CROSS JOIN limits
    LEFT JOIN booked USING (period)
    ORDER BY limits.period
$$;
