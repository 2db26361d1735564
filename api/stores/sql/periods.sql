-- Closed months, newest first.
SELECT coalesce(json_agg(found ORDER BY found.period DESC), '[]') AS periods
FROM (
    SELECT period, until, time_zone, positions, totals, reason, closed_by, closed_at
    FROM period_close
    WHERE organization_id = %(organization_id)s AND (%(before)s::text IS NULL OR period < %(before)s)
    ORDER BY period DESC
    LIMIT %(rows_max)s
) AS found
