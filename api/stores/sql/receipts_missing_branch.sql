-- Of one currency with a policy (`p`): the first purchases that want a receipt and have none, in the order of an index.
(
    SELECT a.organization_id, a.department_id, a.authorization_id, a.created_at,
        a.created_at + make_interval(days => p.days) AS missing_since
    FROM card_authorization AS a
    WHERE a.organization_id = %(organization_id)s AND a.currency = p.currency
        AND a.status IN ('cleared', 'partially_cleared', 'approved', 'partially_approved', 'disputed')
        AND a.created_at >= p.set_at - interval '31 days'
        AND a.created_at < now() - make_interval(days => p.days)
        AND a.amount > p.over_minor
        AND NOT EXISTS (
            SELECT FROM receipt AS r
            WHERE r.organization_id = %(organization_id)s AND r.authorization_id = a.authorization_id
                AND r.department_id = a.department_id)/* conditions */
    ORDER BY a.created_at, a.authorization_id, a.department_id
    LIMIT %(rows_max)s
)
