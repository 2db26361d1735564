-- Balances of a department's accounts, as of a time or after a decision of its partition. What the department
-- moved on its organization's accounts is shown as its own part of them.
SELECT
    place.next_seq,
    own.partition,
    (SELECT next_seq FROM sink_position WHERE sink = 'ledger' AND partition = own.partition) AS own_next_seq,
    (
        SELECT coalesce(json_agg(found ORDER BY found.account, found.currency), '[]')
        FROM (
            SELECT entry.account, entry.layer, entry.currency, sum(entry.amount) AS balance,
                count(*) AS entries
            FROM entry
            WHERE entry.organization_id = own.organization_id
                AND entry.department_id = own.department_id
                AND entry.partition = own.partition
                AND (%(recorded_by)s::timestamptz IS NULL OR entry.recorded_at <= %(recorded_by)s)
                AND (
                    %(occurred_by)s::timestamptz IS NULL
                    OR coalesce(entry.occurred_at, entry.recorded_at) <= %(occurred_by)s
                )
                AND (%(up_to)s::bigint IS NULL OR entry.seq <= %(up_to)s)
            GROUP BY entry.account, entry.layer, entry.currency
        ) AS found
    ) AS accounts
FROM (SELECT 1) AS always
LEFT JOIN budget AS own
    ON own.organization_id = %(organization_id)s
    AND own.department_id = %(department_id)s
    AND own.budget_id = 'department'
LEFT JOIN sink_position AS place
    ON place.sink = 'ledger' AND place.partition = %(partition)s
