-- Every variant once, with its plans told to the client: those of the statements inside of functions too.
SET plan_cache_mode = force_generic_plan;
LOAD 'auto_explain';
SET auto_explain.log_min_duration = 0;
SET auto_explain.log_analyze = on;
SET auto_explain.log_nested_statements = on;
SET auto_explain.log_format = 'json';
SET client_min_messages = 'log';

SELECT decide_request('x1', 'bench', 'dept-00', 'a-x1', 'c', 'h', 'm', '1', 'US', 5, 'USD', '2026-03-15+00');

EXECUTE decide_statement(
    'x2', 'bench', 'dept-00', 'a-x2', 'c', 'h', 'm', '1', 'US', 5, 'USD', '2026-03-15+00');

SELECT decide_requests(
    'bench', 'dept-00', array_agg('x' || n), array_agg('a-x' || n), array_agg('c' || n), array_agg('h' || n),
    array_agg('m' || n), array_agg('1' || n), array_agg('US' || n), array_agg(n::bigint),
    array_agg('USD' || left(n::text, 0)), array_agg(timestamptz '2026-03-15+00'))
FROM generate_series(100, 1099) n;
