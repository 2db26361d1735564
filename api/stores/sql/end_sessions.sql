-- All that go on of one person in an organization, or the one that is named.
WITH ended AS (
    UPDATE person_session SET ended_at = now()
    WHERE organization_id = %(organization_id)s AND person_id = %(person_id)s AND ended_at IS NULL
        AND (%(session_id)s::text IS NULL OR session_id = %(session_id)s)
    RETURNING session_id
)
SELECT array_agg(session_id) AS sessions FROM ended
