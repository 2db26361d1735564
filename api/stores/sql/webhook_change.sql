-- What is null stays as it is. Set active, it begins anew, and what waits for it goes out.
WITH changed AS (
    UPDATE webhook_endpoint
    SET url = coalesce(%(url)s, url), description = coalesce(%(description)s, description),
        event_types = coalesce(%(event_types)s::text[], event_types),
        department_ids = coalesce(%(department_ids)s::text[], department_ids),
        status = coalesce(%(status)s, status),
        paused_reason = CASE %(status)s WHEN 'active' THEN NULL
            WHEN 'paused' THEN coalesce(paused_reason, 'by request') ELSE paused_reason END,
        failing_since = CASE WHEN %(status)s = 'active' THEN NULL ELSE failing_since END,
        failures = CASE WHEN %(status)s = 'active' THEN 0 ELSE failures END,
        rests_until = CASE WHEN %(status)s = 'active' THEN NULL ELSE rests_until END,
        changed_at = clock_timestamp()
    WHERE organization_id = %(organization_id)s AND endpoint_id = %(endpoint_id)s
        AND (%(seen)s::timestamptz IS NULL OR changed_at = %(seen)s)
    RETURNING organization_id, endpoint_id, status
)
SELECT (SELECT count(*) FROM changed) AS changed,
    (SELECT count(webhook_wake(organization_id, endpoint_id)::text) FROM changed WHERE status = 'active')
