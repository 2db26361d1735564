WITH ended AS (
    DELETE FROM provider_identity
    WHERE organization_id = %(organization_id)s AND person_id = %(person_id)s
    RETURNING provider_id
)
SELECT array_agg(provider_id) AS providers FROM ended
