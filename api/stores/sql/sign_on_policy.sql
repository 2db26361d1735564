SELECT required, break_glass_id, second_factor, changed_at FROM sign_on_policy
WHERE organization_id = %(organization_id)s
