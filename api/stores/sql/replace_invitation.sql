UPDATE invitation SET withdrawn_at = now()
WHERE organization_id = %(organization_id)s AND email = %(email)s AND accepted_at IS NULL
    AND withdrawn_at IS NULL AND invitation_id <> %(invitation_id)s
RETURNING invitation_id
