-- Of one who may no longer give what he offered: none of them is left behind as a way in.
WITH withdrawn AS (
    UPDATE invitation SET withdrawn_at = now()
    WHERE organization_id = %(organization_id)s AND created_by_id = %(person_id)s
        AND accepted_at IS NULL AND withdrawn_at IS NULL
    RETURNING invitation_id
)
SELECT array_agg(invitation_id) AS invitations FROM withdrawn
