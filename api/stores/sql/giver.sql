-- What a person or a key may do in the organization now; null: nothing any more.
SELECT
    (
        SELECT role FROM membership
        WHERE organization_id = %(organization_id)s AND person_id = %(giver_id)s
    ) AS role,
    (
        SELECT scopes FROM api_key
        WHERE organization_id = %(organization_id)s AND id = %(giver_id)s AND revoked_at IS NULL
            AND coalesce(expires_at, 'infinity') > now()
    ) AS scopes
