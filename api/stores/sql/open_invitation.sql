-- Of an address, locked until it is accepted; and whether another organization knows whom it names.
SELECT i.invitation_id, i.name, i.role, i.department_ids AS departments, i.employee_id AS employee,
    access_address_elsewhere(i.email, i.organization_id) AS elsewhere
FROM invitation AS i
WHERE i.organization_id = %(organization_id)s AND i.email = %(email)s AND i.accepted_at IS NULL
    AND i.withdrawn_at IS NULL AND i.expires_at > now()
FOR UPDATE
