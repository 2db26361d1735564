-- One delivery with its body and all its attempts.
SELECT d.event_id, d.event_type, d.department_id, d.status, d.attempts, d.created_at, d.due_at, d.ended_at,
    d.gives_up_at, d.body,
    (
        SELECT coalesce(json_agg(a ORDER BY a.number), '[]')
        FROM (
            SELECT number, at, took_ms, status_code, error, answer
            FROM webhook_attempt
            WHERE organization_id = d.organization_id AND endpoint_id = d.endpoint_id
                AND event_id = d.event_id
            ORDER BY number DESC
            LIMIT 100
        ) AS a
    ) AS attempt_log
FROM webhook_delivery AS d
WHERE d.organization_id = %(organization_id)s AND d.endpoint_id = %(endpoint_id)s
    AND d.event_id = %(event_id)s
