-- An organization's endpoints, or one of them, with what waits for each and since when its secrets sign.
SELECT coalesce(json_agg(found ORDER BY found.created_at, found.endpoint_id), '[]') AS endpoints
FROM (
    SELECT e.endpoint_id, e.url, e.description, e.event_types, e.department_ids, e.status, e.paused_reason,
        e.created_at, e.changed_at, e.failing_since,
        (
            SELECT count(*)
            FROM (
                SELECT 1
                FROM webhook_delivery AS d
                WHERE d.organization_id = e.organization_id AND d.endpoint_id = e.endpoint_id
                    AND d.status = 'pending'
                LIMIT 100000
            ) AS pending
        ) AS waiting,
        (
            SELECT coalesce(json_agg(s ORDER BY s.created_at DESC), '[]')
            FROM (
                SELECT created_at, expires_at
                FROM webhook_secret
                WHERE organization_id = e.organization_id AND endpoint_id = e.endpoint_id
                    AND (expires_at IS NULL OR expires_at > now())
            ) AS s
        ) AS secrets
    FROM webhook_endpoint AS e
    WHERE e.organization_id = %(organization_id)s
        AND (%(endpoint_id)s::text IS NULL OR e.endpoint_id = %(endpoint_id)s)
) AS found
