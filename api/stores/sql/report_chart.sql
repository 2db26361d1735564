-- What was settled in a period by what a chart of accounts goes by, and the rules of the organization's chart: by the
-- time in which each booking counts.
SELECT
    (SELECT next_seq FROM sink_position WHERE sink = 'ledger' AND partition = %(partition)s) AS next_seq,
    coalesce((SELECT rules FROM chart_of_accounts WHERE organization_id = %(organization_id)s), '[]') AS rules,
    (
        SELECT coalesce(json_agg(found), '[]')
        FROM (
            SELECT t.debit_account AS debit, t.credit_account AS credit, t.department_id, a.mcc, t.currency,
                sum(t.amount)::bigint AS minor, count(*) AS entries
            FROM transfer AS t
            CROSS JOIN LATERAL (SELECT /* at */ AS at OFFSET 0) AS counts -- worked out once for each
            LEFT JOIN card_authorization AS a
                ON a.organization_id = t.organization_id AND a.authorization_id = t.authorization_id
                AND a.department_id = t.department_id
            WHERE t.organization_id = %(organization_id)s
                AND t.layer = 'posted'
                -- Nothing is recorded long before it happens: by this the index leaves the years before out.
                AND t.recorded_at >= %(since)s - interval '2 days'
                AND counts.at >= %(since)s
                AND counts.at < %(until)s
                AND (%(departments)s::text[] IS NULL OR t.department_id = ANY(%(departments)s))
            GROUP BY 1, 2, 3, 4, 5
        ) AS found
    ) AS rows
