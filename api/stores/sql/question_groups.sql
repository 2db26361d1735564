-- What purchases come to, by up to two of their sides (one, two), in each currency: what is asked about, and what it is
-- compared with (`asked`). The sides, the money and the conditions are put in by api/stores/questions.py, from its own
-- texts alone; all that was asked for comes as parameters. Purchases that were never disputed are read from an index that
-- has all that is added up, the others from the table, for what of them came back.
WITH purchase AS (
    SELECT
        a.currency,
        /* one */ AS one,
        /* two */ AS two,
        /* money */ AS minor,
        /* asked */ AS asked
    FROM card_authorization AS a
    LEFT JOIN card AS c
        ON c.organization_id = a.organization_id AND c.department_id = a.department_id AND c.card_id = a.card_id
    WHERE a.organization_id = %(organization_id)s AND a.disputed = 0
        /* conditions */
    UNION ALL
    SELECT
        a.currency,
        /* one */ AS one,
        /* two */ AS two,
        /* money of disputed */ AS minor,
        /* asked */ AS asked
    FROM card_authorization AS a
    LEFT JOIN card AS c
        ON c.organization_id = a.organization_id AND c.department_id = a.department_id AND c.card_id = a.card_id
    WHERE a.organization_id = %(organization_id)s AND a.disputed > 0
        /* conditions */
), grouped AS (
    SELECT currency, one, two,
        coalesce(sum(minor) FILTER (WHERE asked), 0)::bigint AS minor,
        count(*) FILTER (WHERE asked) AS purchases,
        coalesce(sum(minor) FILTER (WHERE NOT asked), 0)::bigint AS minor_before,
        count(*) FILTER (WHERE NOT asked) AS purchases_before
    FROM purchase
    GROUP BY currency, one, two
), fitting AS (
    SELECT *, row_number() OVER (PARTITION BY currency ORDER BY /* order */) AS rank
    FROM grouped
    WHERE true /* having */
)
SELECT
    (SELECT next_seq FROM sink_position WHERE sink = 'ledger' AND partition = %(partition)s) AS next_seq,
    (
        SELECT coalesce(json_agg(found ORDER BY found.currency), '[]')
        FROM (
            SELECT currency, sum(minor)::bigint AS minor, sum(purchases)::bigint AS purchases,
                sum(minor_before)::bigint AS minor_before, sum(purchases_before)::bigint AS purchases_before,
                count(*) AS groups
            FROM fitting
            GROUP BY currency
        ) AS found
    ) AS totals,
    (
        SELECT coalesce(json_agg(found ORDER BY found.currency, found.rank), '[]')
        FROM fitting AS found
        WHERE found.rank <= %(rows_max)s
    ) AS rows
