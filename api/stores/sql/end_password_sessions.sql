-- Where passwords let nobody in any more, those that began with one end: all but of one person, and but one.
WITH ended AS (
    UPDATE person_session SET ended_at = now()
    WHERE organization_id = %(organization_id)s AND method = 'password' AND ended_at IS NULL
        AND person_id <> %(but_person)s AND session_id IS DISTINCT FROM %(but_session)s::text
    RETURNING session_id
)
SELECT array_agg(session_id) AS sessions FROM ended
