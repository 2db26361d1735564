-- A page of an endpoint's deliveries, newest first, each with its last attempt.
SELECT
    EXISTS (
        SELECT 1 FROM webhook_endpoint
        WHERE organization_id = %(organization_id)s AND endpoint_id = %(endpoint_id)s
    ) AS known,
    (
        SELECT coalesce(json_agg(found ORDER BY found.ordinal DESC), '[]')
        FROM (
            SELECT d.ordinal, d.event_id, d.event_type, d.department_id, d.status, d.attempts, d.created_at,
                d.due_at, d.ended_at,
                (
                    SELECT row_to_json(a)
                    FROM (
                        SELECT number, at, took_ms, status_code, error
                        FROM webhook_attempt
                        WHERE organization_id = d.organization_id AND endpoint_id = d.endpoint_id
                            AND event_id = d.event_id
                        ORDER BY number DESC
                        LIMIT 1
                    ) AS a
                ) AS last_attempt
            FROM webhook_delivery AS d
            WHERE d.organization_id = %(organization_id)s
                AND d.endpoint_id = %(endpoint_id)s
                AND (%(status)s::text IS NULL OR d.status = %(status)s)
                AND (%(event_type)s::text IS NULL OR d.event_type = %(event_type)s)
                AND (%(department_id)s::text IS NULL OR d.department_id = %(department_id)s)
                AND (%(since)s::timestamptz IS NULL OR d.created_at >= %(since)s)
                AND (%(until)s::timestamptz IS NULL OR d.created_at < %(until)s)
                AND (%(before)s::bigint IS NULL OR d.ordinal < %(before)s)
            ORDER BY d.ordinal DESC
            LIMIT %(rows_max)s
        ) AS found
    ) AS deliveries
