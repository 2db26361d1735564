-- The purchases that are asked for, in their order, and what all of them come to. As question_groups.sql.
WITH purchase AS (
    SELECT a.organization_id, a.authorization_id, a.department_id, a.currency, a.amount, a.created_at,
        /* money */ AS minor
    FROM card_authorization AS a
    LEFT JOIN card AS c
        ON c.organization_id = a.organization_id AND c.department_id = a.department_id AND c.card_id = a.card_id
    WHERE a.organization_id = %(organization_id)s
        /* conditions */
), ranked AS (
    SELECT *, row_number() OVER (/* partition */ ORDER BY /* order */) AS rank
    FROM purchase
)
SELECT
    (SELECT next_seq FROM sink_position WHERE sink = 'ledger' AND partition = %(partition)s) AS next_seq,
    (
        SELECT coalesce(json_agg(found ORDER BY found.currency), '[]')
        FROM (
            SELECT currency, sum(minor)::bigint AS minor, count(*) AS purchases
            FROM purchase
            GROUP BY currency
        ) AS found
    ) AS totals,
    ARRAY(
        SELECT payment.body::text
        FROM ranked
        JOIN card_authorization AS payment USING (organization_id, authorization_id, department_id)
        WHERE ranked.rank <= %(rows_max)s
        ORDER BY /* lead */ ranked.rank, payment.authorization_id
    ) AS bodies
