-- A page of an organization's journal entries, from the first of each department (api/stores/journal.py).
-- `of_partition`: that of the department that was asked for.
SELECT
    (SELECT next_seq FROM sink_position WHERE sink = 'ledger' AND partition = %(partition)s) AS next_seq,
    (
        SELECT own.partition
        FROM budget AS own
        WHERE own.organization_id = %(organization_id)s
            AND own.department_id = %(department_id)s
            AND own.budget_id = 'department'
    ) AS of_partition,
    (
        SELECT coalesce(json_agg(found ORDER BY /* order of found */), '[]')
        FROM (
            SELECT one.*
            FROM budget AS place
            CROSS JOIN LATERAL (
                SELECT
                    t.partition, t.seq, t.n, t.leg, t.department_id, t.authorization_id, t.kind, t.layer,
                    t.debit_account, t.credit_account, t.amount, t.currency, t.period, t.compensates_seq,
                    t.occurred_at, t.recorded_at
                FROM transfer AS t
                WHERE t.organization_id = %(organization_id)s
                    AND t.department_id = place.department_id/* conditions */
                ORDER BY /* order of t */
                LIMIT %(rows_max)s
            ) AS one
            WHERE place.organization_id = %(organization_id)s
                AND place.budget_id = 'department'
                AND (%(department_id)s::text IS NULL OR place.department_id = %(department_id)s)
            ORDER BY /* order of one */
            LIMIT %(rows_max)s
        ) AS found
    ) AS entries
