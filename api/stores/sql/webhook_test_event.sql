-- An event by hand, in a lane of its own. A repeat of the request finds it there.
WITH made AS (
    INSERT INTO webhook_delivery
        (organization_id, endpoint_id, event_id, event_type, department_id, lane, body, status)
    SELECT organization_id, endpoint_id, %(event_id)s, %(event_type)s, NULL, %(event_id)s, %(body)s, 'pending'
    FROM webhook_endpoint
    WHERE organization_id = %(organization_id)s AND endpoint_id = %(endpoint_id)s
    ON CONFLICT DO NOTHING
    RETURNING organization_id, endpoint_id
)
SELECT
    EXISTS (
        SELECT 1 FROM webhook_endpoint
        WHERE organization_id = %(organization_id)s AND endpoint_id = %(endpoint_id)s
    ) AS known,
    (SELECT count(*) FROM made) AS made,
    (SELECT count(webhook_wake(organization_id, endpoint_id)::text) FROM made)
