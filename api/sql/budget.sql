-- Position and rows in one statement, so in one snapshot. Always one row; `name` is null without a budget.
SELECT
    place.next_seq,
    budget.name,
    budget.currency,
    budget.time_zone,
    budget.limit_minor,
    budget.partition,
    budget.seq,
    wanted.period,
    to_char(now() AT TIME ZONE coalesce(budget.time_zone, 'UTC'), 'YYYY-MM') AS current_period,
    period.limit_minor AS period_limit_minor,
    period.posted_minor,
    period.held_minor,
    period.seq AS period_seq
FROM (SELECT 1) AS always
LEFT JOIN department_budget AS budget
    ON budget.organization_id = %(organization_id)s AND budget.department_id = %(department_id)s
LEFT JOIN sink_position AS place
    ON place.sink = 'ledger' AND place.partition = %(partition)s
CROSS JOIN LATERAL (
    SELECT coalesce(
        %(period)s::text, to_char(now() AT TIME ZONE coalesce(budget.time_zone, 'UTC'), 'YYYY-MM')
    ) AS period
) AS wanted
LEFT JOIN budget_period AS period
    ON period.organization_id = %(organization_id)s
    AND period.department_id = %(department_id)s
    AND period.period = wanted.period
