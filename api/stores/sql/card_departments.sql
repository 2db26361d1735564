-- Departments in which a card is registered, or has paid.
SELECT coalesce(array_agg(DISTINCT department_id), '{}') AS departments
FROM (
    SELECT department_id FROM card WHERE organization_id = %(organization_id)s AND card_id = %(card_id)s
    UNION
    SELECT department_id FROM card_authorization
    WHERE organization_id = %(organization_id)s
        AND (card_id = %(card_id)s OR authorization_id = %(authorization_id)s)
) AS found
