-- Tables as a service has them after a while, so that ANALYZE has something to say: other departments, and
-- 10,000 earlier requests of the hot one.
TRUNCATE card_authorization, budget_period, department_budget;

INSERT INTO department_budget
SELECT 'bench', 'dept-' || to_char(n, 'FM9900'), 'Department ' || n, 'USD', 'UTC', %(limit)s
FROM generate_series(0, 999) n;

INSERT INTO budget_period
SELECT 'bench', 'dept-' || to_char(n, 'FM9900'), month, 0, 0
FROM generate_series(0, 999) n, unnest(ARRAY['2026-02', '2026-03']) month;

INSERT INTO card_authorization
SELECT 'bench', 'dept-' || to_char(greatest(0, n - 9999) / 20, 'FM9900'), 'a-earlier-' || n, 'earlier-' || n,
       'card-' || greatest(0, n - 9999) / 20 || '-' || n %% 50, 'Jo Bench', 'Merchant ' || n %% 400, '5943', 'US',
       100 + n %% 20000, 'USD', '2026-02', '2026-02-10T12:00:00Z', now(), 'approved', NULL, %(limit)s, 0, 0
FROM generate_series(0, 29999) n;
