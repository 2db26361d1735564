SELECT one.*
FROM /* source */ AS source
CROSS JOIN LATERAL (
    SELECT a.created_at, a.amount, a.authorization_id, a.department_id
    FROM card_authorization AS a
    WHERE a.organization_id = %(organization_id)s/* conditions */
    ORDER BY /* order of a */
    LIMIT %(rows_max)s
) AS one
