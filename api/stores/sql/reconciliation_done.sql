-- The log has what was begun: a line that was posted is settled by that decision.
UPDATE settlement_item
SET resolved_seq = %(seq)s, department_id = %(department_id)s,
    partition = CASE WHEN result = 'missing_there' THEN partition ELSE %(partition)s END,
    seq = CASE WHEN result = 'missing_there' THEN seq ELSE %(seq)s END
WHERE organization_id = %(organization_id)s AND file_id = %(file_id)s AND n = %(n)s AND is_open
    AND resolution IN ('posted', 'reversed', 'reposted')
RETURNING n
