WITH removed AS (
    DELETE FROM webhook_endpoint
    WHERE organization_id = %(organization_id)s AND endpoint_id = %(endpoint_id)s
        AND (%(seen)s::timestamptz IS NULL OR changed_at = %(seen)s)
    RETURNING 1
)
SELECT (SELECT count(*) FROM removed) AS removed
