-- Each account with its balance before a period, what was booked in it on both sides, and so its balance after it: by
-- the time in which each booking counts. Of the organization's accounts the part of `departments`, where these are asked for.
-- Transfers between the same two accounts are added up before they are entries: there are few such pairs.
WITH pair AS MATERIALIZED (
    SELECT t.debit_account, t.credit_account, t.layer, t.currency, counts.at >= %(since)s AS within,
        sum(t.amount) AS amount, count(*) AS transfers
    FROM transfer AS t
    CROSS JOIN LATERAL (SELECT /* at */ AS at OFFSET 0) AS counts -- worked out once for each
    WHERE t.organization_id = %(organization_id)s
        AND counts.at < %(until)s
        AND (%(departments)s::text[] IS NULL OR t.department_id = ANY(%(departments)s))
    GROUP BY 1, 2, 3, 4, 5
)
SELECT
    (SELECT next_seq FROM sink_position WHERE sink = 'ledger' AND partition = %(partition)s) AS next_seq,
    (
        SELECT coalesce(json_agg(found ORDER BY found.layer DESC, found.account, found.currency), '[]')
        FROM (
            SELECT e.account, pair.layer, pair.currency,
                coalesce(sum(e.amount) FILTER (WHERE NOT pair.within), 0)::bigint AS opening,
                coalesce(sum(e.amount) FILTER (WHERE pair.within AND e.amount > 0), 0)::bigint AS debits,
                coalesce(-sum(e.amount) FILTER (WHERE pair.within AND e.amount < 0), 0)::bigint AS credits,
                coalesce(sum(pair.transfers) FILTER (WHERE pair.within), 0)::bigint AS entries
            FROM pair
            CROSS JOIN LATERAL (
                VALUES (pair.debit_account, pair.amount), (pair.credit_account, -pair.amount)
            ) AS e (account, amount)
            GROUP BY 1, 2, 3
        ) AS found
    ) AS rows
