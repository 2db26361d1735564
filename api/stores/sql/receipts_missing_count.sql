-- How many purchases are without the receipt that the policy wants, of whom the caller reaches at most `rows_max`.
SELECT count(*) AS missing
FROM (
    SELECT 1
    FROM receipt_missing AS m
    WHERE m.organization_id = %(organization_id)s
        AND (%(everything)s OR m.employee = ANY(%(own)s::text[]) OR m.department_id = ANY(%(departments)s::text[]))
    LIMIT %(rows_max)s
) AS found
