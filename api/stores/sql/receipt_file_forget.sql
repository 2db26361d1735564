-- A file that no receipt has any more.
DELETE FROM receipt_file AS f
WHERE f.organization_id = %(organization_id)s AND f.sha256 = %(sha256)s
    AND NOT EXISTS (SELECT 1 FROM receipt AS r WHERE r.organization_id = f.organization_id AND r.sha256 = f.sha256)
RETURNING sha256
