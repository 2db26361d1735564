-- migrate:up

-- A department that lends its budget to shards and is then given a smaller one has a limit below zero: it may
-- spend nothing until so much has come back (docs/decisions/0046).
ALTER TABLE budget_period DROP CONSTRAINT budget_period_limit_minor_bound;
ALTER TABLE budget_period ADD CONSTRAINT budget_period_limit_minor_bound
    CHECK (limit_minor BETWEEN -9000000000000000 AND 9000000000000000);
ALTER TABLE limit_change DROP CONSTRAINT limit_change_limit_minor_bound;
ALTER TABLE limit_change ADD CONSTRAINT limit_change_limit_minor_bound
    CHECK (limit_minor BETWEEN -9000000000000000 AND 9000000000000000);

-- migrate:down

ALTER TABLE limit_change DROP CONSTRAINT limit_change_limit_minor_bound;
ALTER TABLE limit_change ADD CONSTRAINT limit_change_limit_minor_bound
    CHECK (limit_minor BETWEEN 0 AND 9000000000000000) NOT VALID;
ALTER TABLE budget_period DROP CONSTRAINT budget_period_limit_minor_bound;
ALTER TABLE budget_period ADD CONSTRAINT budget_period_limit_minor_bound
    CHECK (limit_minor BETWEEN 0 AND 9000000000000000) NOT VALID;
