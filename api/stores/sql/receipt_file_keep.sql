-- A file, kept once.
INSERT INTO receipt_file (organization_id, sha256, media_type, pages, content)
VALUES (%(organization_id)s, %(sha256)s, %(media_type)s, %(pages)s, %(content)s)
ON CONFLICT DO NOTHING
RETURNING sha256
