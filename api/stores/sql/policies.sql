-- Versions of a department's policy, newest first: all of them, or the one in force.
SELECT
    place.next_seq,
    own.currency IS NOT NULL AS known,
    own.currency,
    (
        SELECT coalesce(json_agg(found ORDER BY found.version DESC), '[]')
        FROM (
            SELECT version, policy::text AS policy, active, partition, drafted_seq, activated_seq,
                drafted_at, activated_at
            FROM policy_version
            WHERE organization_id = %(organization_id)s
                AND department_id = %(department_id)s
                AND (active OR NOT %(only_active)s)
            ORDER BY version DESC
            LIMIT %(rows_max)s
        ) AS found
    ) AS policies
FROM (SELECT 1) AS always
LEFT JOIN budget AS own
    ON own.organization_id = %(organization_id)s
    AND own.department_id = %(department_id)s
    AND own.budget_id = 'department'
LEFT JOIN sink_position AS place
    ON place.sink = 'ledger' AND place.partition = %(partition)s
