-- migrate:up

-- Who answers questions in plain language: it can read the read models and nothing else, one organization at a time.
-- The API's sessions take it for a transaction (SET LOCAL ROLE), so it belongs to them.
DO $$
BEGIN
    CREATE ROLE spendlog_questions NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; -- another database of the cluster made it
END
$$;
GRANT spendlog_questions TO spendlog_api;
GRANT USAGE ON SCHEMA public TO spendlog_questions;
GRANT SELECT ON card_authorization, budget, budget_period, budget_increase, card, merchant, company_cap, membership,
    sink_position TO spendlog_questions;
GRANT SELECT (person_id, email, name) ON person TO spendlog_questions;

DO $$
DECLARE
    one text;
BEGIN
    FOREACH one IN ARRAY ARRAY['card_authorization', 'budget', 'budget_period', 'budget_increase', 'card', 'merchant',
        'company_cap', 'membership'] LOOP
        EXECUTE format(
            'CREATE POLICY questions ON %I FOR SELECT TO spendlog_questions '
            'USING (organization_id = (SELECT current_setting(''spendlog.organization'', true)))', one);
    END LOOP;
END
$$;
CREATE POLICY questions ON person FOR SELECT TO spendlog_questions
    USING (EXISTS (SELECT FROM membership m WHERE m.person_id = person.person_id));

-- migrate:down

DO $$
DECLARE
    one text;
BEGIN
    FOREACH one IN ARRAY ARRAY['card_authorization', 'budget', 'budget_period', 'budget_increase', 'card', 'merchant',
        'company_cap', 'membership', 'person'] LOOP
        EXECUTE format('DROP POLICY questions ON %I', one);
    END LOOP;
END
$$;
REVOKE SELECT ON card_authorization, budget, budget_period, budget_increase, card, merchant, company_cap, membership,
    sink_position FROM spendlog_questions;
REVOKE SELECT (person_id, email, name) ON person FROM spendlog_questions;
REVOKE USAGE ON SCHEMA public FROM spendlog_questions;
