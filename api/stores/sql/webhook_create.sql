-- A new endpoint with its secret. `made`: 0 where it is there already, or there are as many as may be.
WITH made AS (
    INSERT INTO webhook_endpoint
        (organization_id, endpoint_id, url, description, event_types, department_ids)
    SELECT %(organization_id)s, %(endpoint_id)s, %(url)s, %(description)s, %(event_types)s::text[],
        %(department_ids)s::text[]
    WHERE (SELECT count(*) FROM webhook_endpoint WHERE organization_id = %(organization_id)s)
        < %(endpoints_max)s
    ON CONFLICT DO NOTHING
    RETURNING organization_id, endpoint_id
), signed AS (
    INSERT INTO webhook_secret (organization_id, endpoint_id, secret)
    SELECT organization_id, endpoint_id, %(secret)s FROM made
)
SELECT (SELECT count(*) FROM made) AS made
