-- Deliveries that ended go out once more: one of them, or those of a span, oldest first, up to a bound.
WITH wanted AS (
    SELECT event_id
    FROM webhook_delivery
    WHERE organization_id = %(organization_id)s AND endpoint_id = %(endpoint_id)s
        AND (%(event_id)s::text IS NULL OR event_id = %(event_id)s)
        AND status = ANY(%(statuses)s::text[])
        AND (%(since)s::timestamptz IS NULL OR created_at >= %(since)s)
        AND (%(until)s::timestamptz IS NULL OR created_at < %(until)s)
    ORDER BY ordinal
    LIMIT %(rows_max)s
), again AS (
    UPDATE webhook_delivery AS d
    SET status = 'pending', ended_at = NULL, due_at = now(), gives_up_at = DEFAULT
    FROM wanted
    WHERE d.organization_id = %(organization_id)s AND d.endpoint_id = %(endpoint_id)s
        AND d.event_id = wanted.event_id
    RETURNING 1
)
SELECT
    EXISTS (
        SELECT 1 FROM webhook_endpoint
        WHERE organization_id = %(organization_id)s AND endpoint_id = %(endpoint_id)s
    ) AS known,
    (SELECT count(*) FROM again) AS replayed,
    (
        SELECT count(webhook_wake(organization_id, endpoint_id)::text)
        FROM webhook_endpoint
        WHERE organization_id = %(organization_id)s AND endpoint_id = %(endpoint_id)s AND status = 'active'
            AND EXISTS (SELECT 1 FROM again)
    )
