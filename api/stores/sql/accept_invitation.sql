UPDATE invitation SET accepted_at = now()
WHERE organization_id = %(organization_id)s AND invitation_id = %(invitation_id)s
    AND accepted_at IS NULL AND withdrawn_at IS NULL AND expires_at > now()
RETURNING invitation_id
