-- A new receipt, and the job that reads it. `made`: 0 where it is there already.
WITH made AS (
    INSERT INTO receipt (
        organization_id, receipt_id, sha256, file_name, sent_bytes, employee, uploaded_by, department_id,
        authorization_id, linked_by, linked_at, duplicate_of)
    SELECT %(organization_id)s, %(receipt_id)s, %(sha256)s, %(file_name)s, %(sent_bytes)s, %(employee)s,
        %(uploaded_by)s, %(department_id)s, %(authorization_id)s::text,
        CASE WHEN %(authorization_id)s::text IS NOT NULL THEN %(uploaded_by)s END,
        CASE WHEN %(authorization_id)s::text IS NOT NULL THEN now() END,
        (
            SELECT receipt_id FROM receipt
            WHERE organization_id = %(organization_id)s AND sha256 = %(sha256)s
            ORDER BY uploaded_at LIMIT 1
        )
    ON CONFLICT DO NOTHING
    RETURNING receipt_id
)
SELECT count(*) AS made, count(job_ask('receipts', 'read', receipt_id, json_build_object('receipt_id', receipt_id)::jsonb))
FROM made
