WITH changed AS (
    UPDATE person SET password_hash = %(password_hash)s, password_set_at = now()
    WHERE email = %(email)s
    RETURNING person_id
), ended AS (
    UPDATE person_session SET ended_at = now()
    FROM changed
    WHERE person_session.person_id = changed.person_id AND ended_at IS NULL
)
SELECT person_id,
    ARRAY(SELECT organization_id FROM membership WHERE membership.person_id = changed.person_id
          ORDER BY organization_id) AS organizations
FROM changed
