-- A page of an organization's audit log, newest first.
SELECT coalesce(json_agg(found ORDER BY found.seq DESC), '[]') AS records
FROM (
    SELECT seq, at, actor, actor_id, role, request_id, address, action, outcome, reason, resource, times, position,
        before, after, encode(hash, 'hex') AS hash
    FROM audit_record
    WHERE organization_id = %(organization_id)s
        AND (%(seen)s::bigint IS NULL OR seq < %(seen)s)
        AND (%(actor)s::text IS NULL OR actor = %(actor)s)
        AND (%(action)s::text IS NULL OR action = %(action)s)
        AND (%(outcome)s::text IS NULL OR outcome = %(outcome)s)
        AND (%(resource)s::text IS NULL OR resource = %(resource)s
            OR (resource >= %(resource)s || '/' AND resource < %(resource)s || '0')) -- 0 follows / in ASCII
        AND (%(since)s::timestamptz IS NULL OR at >= %(since)s)
        AND (%(until)s::timestamptz IS NULL OR at < %(until)s)
    ORDER BY seq DESC
    LIMIT %(rows_max)s
) AS found
