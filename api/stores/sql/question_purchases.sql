-- The purchases that are asked for, in their order: the first rows of an index, however many fit (docs/decisions/0038).
-- What all of them come to is added up as long as they are at most `counted_max`; `more`: they are more. By amount they
-- come currency by currency. As question_groups.sql.
WITH purchase AS NOT MATERIALIZED (
    SELECT a.organization_id, a.authorization_id, a.department_id, a.currency, a.amount, a.created_at,
        /* money */ AS minor
    FROM card_authorization AS a
    LEFT JOIN card AS c
        ON c.organization_id = a.organization_id AND c.department_id = a.department_id AND c.card_id = a.card_id
    WHERE a.organization_id = %(organization_id)s
        /* conditions */
), counted AS MATERIALIZED (
    SELECT currency, minor FROM purchase LIMIT %(counted_max)s + 1
), total AS (
    SELECT currency, sum(minor)::bigint AS minor, count(*) AS purchases FROM counted GROUP BY currency
), known AS MATERIALIZED (
    SELECT currency FROM budget WHERE organization_id = %(organization_id)s
    UNION
    SELECT currency FROM total
)
SELECT
    (SELECT next_seq FROM sink_position WHERE sink = 'ledger' AND partition = %(partition)s) AS next_seq,
    (SELECT coalesce(json_agg(total ORDER BY total.currency), '[]') FROM total) AS totals,
    (SELECT count(*) > %(counted_max)s FROM counted) AS more,
    ARRAY(
        SELECT payment.body::text
        FROM (
            SELECT one.*
            FROM /* source */ AS source
            CROSS JOIN LATERAL (
                SELECT organization_id, authorization_id, department_id, currency, amount, created_at
                FROM purchase
                WHERE /* of source */
                ORDER BY /* order */
                LIMIT %(rows_max)s
            ) AS one
        ) AS found
        JOIN card_authorization AS payment USING (organization_id, authorization_id, department_id)
        ORDER BY /* lead */ /* order of found */
    ) AS bodies
