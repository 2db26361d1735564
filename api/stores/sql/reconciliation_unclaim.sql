-- The log has refused what was begun: the item is open as before.
UPDATE settlement_item SET resolution = NULL, reason = NULL, resolved_by = NULL, resolved_at = NULL
WHERE organization_id = %(organization_id)s AND file_id = %(file_id)s AND n = %(n)s AND is_open
RETURNING n
