-- A new secret. The one before signs until its overlap ends; those before that, beyond the bound, no more.
WITH known AS (
    SELECT secret_id, row_number() OVER (ORDER BY secret_id DESC) AS age
    FROM webhook_secret
    WHERE organization_id = %(organization_id)s AND endpoint_id = %(endpoint_id)s
), ending AS (
    UPDATE webhook_secret AS s
    SET expires_at = CASE WHEN known.age < %(secrets_max)s
        THEN least(s.expires_at, now() + make_interval(secs => %(overlap_s)s)) ELSE least(s.expires_at, now()) END
    FROM known
    WHERE s.organization_id = %(organization_id)s AND s.endpoint_id = %(endpoint_id)s
        AND s.secret_id = known.secret_id
), made AS (
    INSERT INTO webhook_secret (organization_id, endpoint_id, secret)
    SELECT organization_id, endpoint_id, %(secret)s
    FROM webhook_endpoint
    WHERE organization_id = %(organization_id)s AND endpoint_id = %(endpoint_id)s
    RETURNING created_at
)
SELECT (SELECT count(*) FROM made) AS made
