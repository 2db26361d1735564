-- What somebody says about an open item; said again by whoever ends what was begun. No row: it is not open, or something
-- else was begun.
UPDATE settlement_item
SET resolution = %(resolution)s, reason = coalesce(reason, %(reason)s), resolved_by = coalesce(resolved_by, %(actor)s),
    resolved_at = coalesce(resolved_at, now())
WHERE organization_id = %(organization_id)s AND file_id = %(file_id)s AND n = %(n)s AND is_open
    AND coalesce(resolution, %(resolution)s) = %(resolution)s
RETURNING n
