-- The file of a receipt.
SELECT f.content, f.media_type
FROM receipt AS r JOIN receipt_file AS f USING (organization_id, sha256)
WHERE r.organization_id = %(organization_id)s AND r.receipt_id = %(receipt_id)s
