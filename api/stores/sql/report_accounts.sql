-- Each account with its balance before a period, what was booked in it on both sides, and so its balance after it: by
-- the time in which each booking counts. Of the organization's accounts the part of `departments`, where these are asked for.
SELECT
    (SELECT next_seq FROM sink_position WHERE sink = 'ledger' AND partition = %(partition)s) AS next_seq,
    (
        SELECT coalesce(json_agg(found ORDER BY found.layer DESC, found.account, found.currency), '[]')
        FROM (
            SELECT e.account, t.layer, t.currency,
                coalesce(sum(e.amount) FILTER (WHERE counts.at < %(since)s), 0)::bigint AS opening,
                coalesce(sum(e.amount) FILTER (WHERE counts.at >= %(since)s AND e.amount > 0), 0)::bigint AS debits,
                coalesce(-sum(e.amount) FILTER (WHERE counts.at >= %(since)s AND e.amount < 0), 0)::bigint AS credits,
                count(*) FILTER (WHERE counts.at >= %(since)s) AS entries
            FROM transfer AS t
            CROSS JOIN LATERAL (SELECT /* at */ AS at OFFSET 0) AS counts -- worked out once for each
            CROSS JOIN LATERAL (VALUES (t.debit_account, t.amount), (t.credit_account, -t.amount)) AS e (account, amount)
            WHERE t.organization_id = %(organization_id)s
                AND counts.at < %(until)s
                AND (%(departments)s::text[] IS NULL OR t.department_id = ANY(%(departments)s))
            GROUP BY 1, 2, 3
        ) AS found
    ) AS rows
