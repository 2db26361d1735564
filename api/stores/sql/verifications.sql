-- Proofs of the books, newest first, each with what was found false; of that, the rows that the session may see: those of
-- its organization, for who runs the system all.
SELECT coalesce(json_agg(found ORDER BY found.verification_id DESC), '[]') AS verifications
FROM (
    SELECT v.verification_id, v.started_at, v.took_ms, v.decisions, v.holds, v.places, v.checks,
        (
            SELECT coalesce(json_agg(f ORDER BY f.organization_id), '[]')
            FROM verification_finding AS f
            WHERE f.verification_id = v.verification_id
        ) AS findings
    FROM verification AS v
    WHERE (%(verification_id)s::bigint IS NULL OR v.verification_id = %(verification_id)s)
        AND (%(before)s::bigint IS NULL OR v.verification_id < %(before)s)
    ORDER BY v.verification_id DESC
    LIMIT %(rows_max)s
) AS found
