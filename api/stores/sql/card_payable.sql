-- What is owed for cards as the log knew it then, by currency: of an organization, or one department's part.
SELECT
    (SELECT next_seq FROM sink_position WHERE sink = 'ledger' AND partition = %(partition)s) AS next_seq,
    (
        SELECT coalesce(json_object_agg(found.currency, found.minor), '{}')
        FROM (
            SELECT t.currency,
                sum(CASE WHEN t.credit_account = %(account)s THEN t.amount ELSE -t.amount END)::bigint AS minor
            FROM transfer AS t
            WHERE t.organization_id = %(organization_id)s
                AND (%(department_id)s::text IS NULL OR t.department_id = %(department_id)s)
                AND %(account)s IN (t.debit_account, t.credit_account)
                AND t.recorded_at < %(until)s
            GROUP BY t.currency
        ) AS found
    ) AS owed
