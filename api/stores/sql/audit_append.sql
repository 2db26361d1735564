SELECT audit_append(%(record)s::jsonb) AS seq
