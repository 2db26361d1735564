-- A page of requests by id, of an organization or of some of its departments, or those with one id. `ended`: those that
-- wait no longer, the last that were asked first.
SELECT
    place.next_seq,
    EXISTS (
        SELECT 1
        FROM budget
        WHERE organization_id = %(organization_id)s
            AND department_id = ANY(%(departments)s::text[])
            AND budget_id = 'department'
    ) AS known,
    (
        SELECT coalesce(
            json_agg(found ORDER BY found.request_id COLLATE "C", found.department_id COLLATE "C"), '[]')
        FROM (
            SELECT r.department_id, r.request_id, r.kind, r.budget_id, r.currency, r.amount, r.starts_at, r.ends_at,
                r.budget::text AS budget, r.card::text AS card, r.asked_by, r.asked_at, r.reason, r.levels, r.lapses_at,
                r.approved_by, r.on_behalf_of, r.refused_by, r.refused_on_behalf_of, r.refusal_reason, r.status,
                r.closed_at, r.partition, r.seq, m.reminded_at,
                (
                    SELECT coalesce(json_object_agg(d.absent, d.delegate), '{}')
                    FROM delegation d
                    WHERE d.organization_id = r.organization_id AND d.department_id = r.department_id
                        AND r.status = 'waiting' AND d.ended_at IS NULL AND d.starts_at <= now() AND now() < d.until
                        AND r.levels::jsonb -> cardinality(r.approved_by) ? d.absent
                        AND d.absent <> r.asked_by
                ) AS stand_ins
            FROM approval_request r
            LEFT JOIN request_reminder m
                ON m.organization_id = r.organization_id AND m.department_id = r.department_id
                    AND m.request_id = r.request_id AND m.reminded_at > r.asked_at
            WHERE r.organization_id = %(organization_id)s
                AND (%(departments)s::text[] IS NULL OR r.department_id = ANY(%(departments)s::text[]))
                AND (%(request_id)s::text IS NULL OR r.request_id = %(request_id)s)
                AND (%(kind)s::text IS NULL OR r.kind = %(kind)s)
                AND (%(status)s::text IS NULL OR r.status = %(status)s)
                AND (NOT %(ended)s::boolean OR r.status <> 'waiting')
                AND (%(asked_by)s::text IS NULL OR r.asked_by = %(asked_by)s)
                AND (%(after)s::text IS NULL OR (r.request_id COLLATE "C", r.department_id COLLATE "C")
                    > (%(after)s, %(after_department)s::text))
            ORDER BY CASE WHEN %(ended)s::boolean THEN r.asked_at END DESC NULLS LAST,
                r.request_id COLLATE "C", r.department_id COLLATE "C"
            LIMIT %(rows_max)s
        ) AS found
    ) AS requests
FROM (SELECT 1) AS always
LEFT JOIN sink_position AS place
    ON place.sink = 'ledger' AND place.partition = %(partition)s
