-- A page of an organization's transactions. The branches are one SELECT for each way to find some of them by an
-- index in the order of the list (api/stores/transactions.py); each gives the first of its own, and the first of
-- all are the page: what is read does not grow with the table.
SELECT
    (SELECT next_seq FROM sink_position WHERE sink = 'ledger' AND partition = %(partition)s) AS next_seq,
    ARRAY(
        SELECT payment.body::text
        FROM (
            SELECT *
            FROM (
                /* branches */
            ) AS merged
            ORDER BY /* order of merged */
            LIMIT %(rows_max)s
        ) AS found
        JOIN card_authorization AS payment
            ON payment.organization_id = %(organization_id)s
            AND payment.authorization_id = found.authorization_id
            AND payment.department_id = found.department_id
        ORDER BY /* order of found */
    ) AS bodies
