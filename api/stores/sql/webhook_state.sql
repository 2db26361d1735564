-- What somebody may change of an endpoint, locked until the change is made.
SELECT url, description, event_types, department_ids, status
FROM webhook_endpoint
WHERE organization_id = %(organization_id)s AND endpoint_id = %(endpoint_id)s
FOR UPDATE
