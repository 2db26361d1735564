DELETE FROM case_assignment
WHERE organization_id = %(organization_id)s AND department_id = %(department_id)s
    AND authorization_id = %(authorization_id)s
RETURNING assignee
