-- What was booked as spent, by a side of its purchases and by the parts of time that begin at `edges` (the last of them
-- is the end): settled, with exchange differences, less refunds, corrections and won disputes, on the day of each booking.
-- The side, and the time in which a booking counts, are put in by api/stores/reports.py, from its own texts alone.
SELECT
    (SELECT next_seq FROM sink_position WHERE sink = 'ledger' AND partition = %(partition)s) AS next_seq,
    (
        SELECT coalesce(json_agg(found), '[]')
        FROM (
            SELECT t.currency, /* side */ AS side,
                width_bucket(counts.at, %(edges)s::timestamptz[]) AS part,
                sum(CASE
                    WHEN t.debit_account LIKE '%%:card-spend' OR t.debit_account LIKE '%%:fx-difference' THEN t.amount
                    ELSE -t.amount
                END)::bigint AS minor,
                count(*) FILTER (WHERE t.kind = 'clearing') AS purchases
            FROM transfer AS t
            CROSS JOIN LATERAL (SELECT /* at */ AS at OFFSET 0) AS counts -- worked out once for each
            LEFT JOIN card_authorization AS a
                ON a.organization_id = t.organization_id AND a.authorization_id = t.authorization_id
                AND a.department_id = t.department_id
            LEFT JOIN card AS c
                ON c.organization_id = a.organization_id AND c.department_id = a.department_id
                AND c.card_id = a.card_id
            WHERE t.organization_id = %(organization_id)s
                AND t.layer = 'posted'
                AND t.kind IN ('clearing', 'fx_difference', 'correction', 'refund', 'refund_reversal', 'dispute_won')
                AND (t.debit_account LIKE '%%:card-spend' OR t.debit_account LIKE '%%:fx-difference'
                    OR t.credit_account LIKE '%%:card-spend' OR t.credit_account LIKE '%%:fx-difference')
                -- Nothing is recorded long before it happens: by this the index leaves the years before out.
                AND t.recorded_at >= %(since)s - interval '2 days'
                AND counts.at >= %(since)s
                AND counts.at < %(until)s
                AND (%(departments)s::text[] IS NULL OR t.department_id = ANY(%(departments)s))
                AND (%(own)s::text[] IS NULL OR coalesce(c.employee, a.cardholder) = ANY(%(own)s))
            GROUP BY 1, 2, 3
        ) AS found
    ) AS rows
