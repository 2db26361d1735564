-- Of those who have come by a provider, the sessions that began so: all but one.
WITH ended AS (
    UPDATE person_session AS s SET ended_at = now()
    FROM provider_identity AS i, identity_provider AS p
    WHERE p.organization_id = %(organization_id)s AND p.provider_id = %(provider_id)s
        AND i.organization_id = p.organization_id AND i.provider_id = p.provider_id
        AND s.organization_id = i.organization_id AND s.person_id = i.person_id AND s.method = p.protocol
        AND s.ended_at IS NULL AND s.session_id IS DISTINCT FROM %(but_session)s::text
    RETURNING s.session_id
)
SELECT array_agg(session_id) AS sessions FROM ended
