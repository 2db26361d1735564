-- Closes a month at where the books stand in this statement's snapshot: rows and places are committed together.
INSERT INTO period_close (organization_id, period, until, time_zone, positions, totals, reason, closed_by)
SELECT
    %(organization_id)s, %(period)s, %(until)s, %(time_zone)s,
    (SELECT coalesce(jsonb_object_agg(partition, next_seq), '{}') FROM sink_position WHERE sink = 'ledger'),
    (
        SELECT coalesce(jsonb_agg(to_jsonb(settled) ORDER BY department_id, kind, currency), '[]')
        FROM settled_between(%(organization_id)s, %(since)s, %(until)s) AS settled
    ),
    %(reason)s, %(actor)s
ON CONFLICT DO NOTHING
RETURNING period
