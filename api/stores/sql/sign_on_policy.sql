SELECT required, break_glass_id, changed_at FROM sign_on_policy WHERE organization_id = %(organization_id)s
