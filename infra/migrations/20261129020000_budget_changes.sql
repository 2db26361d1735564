-- migrate:up

-- Who set or removed a budget last, and when: a reader had to look into the log for it. NULL: nobody said.
ALTER TABLE budget
    ADD COLUMN changed_by text CONSTRAINT budget_changed_by_bound CHECK (length(changed_by) <= 200),
    ADD COLUMN changed_at timestamptz;
UPDATE budget
SET changed_by = decision.actor, changed_at = coalesce(decision.occurred_at, decision.recorded_at)
FROM decision
WHERE decision.partition = budget.partition AND decision.seq = budget.seq;

-- migrate:down

ALTER TABLE budget DROP COLUMN changed_by, DROP COLUMN changed_at;
