-- How many purchases are without the receipt that the policy wants, of whom the caller reaches: at most `rows_max` of each
-- currency are looked at. As receipts_missing.sql.
SELECT count(*) AS missing
FROM receipt_policy AS p
CROSS JOIN LATERAL (
    /* branches */
) AS m
WHERE p.organization_id = %(organization_id)s
