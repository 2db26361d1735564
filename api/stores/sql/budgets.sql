-- Budgets of some departments, or one of each (removed or not), each with one period: the asked one, or the one that
-- holds `at` in the budget's own calendar. Labels as in docs/rules.md. A period that is over keeps the limit
-- that it ended with; the current one, and one in which nothing happened, has what is in force. `subjects`: only
-- those of one of these, as LEVEL:SUBJECT.
SELECT
    place.next_seq,
    (
        SELECT coalesce(json_agg(found ORDER BY found.rank, found.budget_id), '[]')
        FROM (
            SELECT
                budget.*,
                array_position(ARRAY['department', 'team', 'card', 'employee'], budget.level) AS rank,
                coalesce(%(period)s::text, label.now) AS period,
                CASE
                    WHEN period.limit_minor IS NOT NULL AND period.period <> label.now THEN period.limit_minor
                    ELSE budget.limit_minor + raised.minor
                END AS period_limit_minor,
                coalesce(period.posted_minor, 0) AS posted_minor,
                coalesce(period.held_minor, 0) AS held_minor,
                greatest(budget.seq, period.seq) AS last_seq
            FROM budget
            CROSS JOIN LATERAL (
                SELECT
                    -- PostgreSQL's own rules of zones may be of another age than the core's: see schemas.terms.
                    %(at)s::timestamptz AT TIME ZONE 'UTC'
                    + make_interval(secs => coalesce((%(offsets)s::jsonb ->> budget.time_zone)::int, 0)) AS local,
                    make_interval(days => budget.start_day - 1) AS days,
                    make_interval(months => budget.start_month - 1) AS months
            ) AS clock
            CROSS JOIN LATERAL (
                SELECT CASE budget.calendar
                    WHEN 'week' THEN date_trunc('week', local - days) + days
                    WHEN 'month' THEN date_trunc('month', local - days) + days
                    WHEN 'quarter' THEN date_trunc('quarter', local - days - months) + months + days
                    WHEN 'year' THEN date_trunc('year', local - days - months) + months + days
                    ELSE local
                END AS day
            ) AS first
            CROSS JOIN LATERAL (
                SELECT to_char(
                    first.day,
                    CASE
                        WHEN budget.calendar = 'lifetime' THEN '"lifetime"'
                        WHEN budget.calendar = 'day' OR budget.start_day > 1 THEN 'YYYY-MM-DD'
                        WHEN budget.calendar = 'week' THEN 'IYYY-"W"IW'
                        WHEN budget.calendar = 'month' THEN 'YYYY-MM'
                        WHEN budget.start_month > 1 THEN 'YYYY-MM-DD'
                        WHEN budget.calendar = 'quarter' THEN 'YYYY-"Q"Q'
                        ELSE 'YYYY'
                    END
                ) AS now
            ) AS label
            CROSS JOIN LATERAL (
                SELECT coalesce(sum(amount), 0) AS minor
                FROM budget_increase AS increase
                WHERE increase.organization_id = budget.organization_id
                    AND increase.department_id = budget.department_id
                    AND increase.budget_id = budget.budget_id
                    AND increase.removed_seq IS NULL
                    AND increase.starts_at <= %(at)s::timestamptz
                    AND %(at)s::timestamptz < increase.ends_at
            ) AS raised
            LEFT JOIN budget_period AS period
                ON period.organization_id = budget.organization_id
                AND period.department_id = budget.department_id
                AND period.budget_id = budget.budget_id
                AND period.period = coalesce(%(period)s::text, label.now)
            WHERE budget.organization_id = %(organization_id)s
                AND budget.department_id = ANY(%(departments)s::text[])
                AND CASE
                    WHEN %(budget_id)s::text IS NULL THEN NOT budget.removed
                    ELSE budget.budget_id = %(budget_id)s
                END
                AND (%(subjects)s::text[] IS NULL
                    OR budget.level || ':' || coalesce(budget.subject, '') = ANY(%(subjects)s))
        ) AS found
    ) AS budgets
FROM (SELECT 1) AS always
LEFT JOIN sink_position AS place
    ON place.sink = 'ledger' AND place.partition = %(partition)s
