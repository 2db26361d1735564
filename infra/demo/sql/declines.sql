-- Requests and declines of each department of one organization.
SELECT b.name, count(*), count(*) FILTER (WHERE d.outcome = 'declined'),
       sum(d.amount) FILTER (WHERE d.outcome = 'declined'), b.currency
FROM decision d
JOIN budget b USING (organization_id, department_id)
WHERE b.budget_id = 'department' AND d.organization_id = %(organization)s AND d.event_type = 'authorization.requested'
    AND d.outcome IN ('approved', 'declined') AND d.duplicate_of IS NULL
GROUP BY b.name, b.currency
ORDER BY 2 DESC;
