-- What the demo may know of the portal's own database: numbers, the names of our tables and states of sessions; no
-- statement and no row of anybody. The functions run with the rights of the portal's role. {schema} holds our tables.
DROP SCHEMA IF EXISTS sparkops_health CASCADE;
CREATE SCHEMA sparkops_health;

CREATE FUNCTION sparkops_health.size()
RETURNS TABLE (database text, bytes bigint, version text, up_seconds bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT current_database()::text, pg_database_size(current_database()), current_setting('server_version'),
         extract(epoch FROM now() - pg_postmaster_start_time())::bigint
$$;

CREATE FUNCTION sparkops_health.connections()
RETURNS TABLE (open bigint, active bigint, allowed integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT count(*), count(*) FILTER (WHERE state = 'active'), current_setting('max_connections')::integer
  FROM pg_stat_activity WHERE backend_type = 'client backend'
$$;

CREATE FUNCTION sparkops_health.slowest_tables(most integer)
RETURNS TABLE ("table" text, rows_read_by_scans bigint, index_lookups bigint, rows bigint, dead_rows bigint, bytes bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT relname::text, seq_tup_read, coalesce(idx_scan, 0), n_live_tup, n_dead_tup, pg_total_relation_size(relid)
  FROM pg_stat_user_tables ORDER BY seq_tup_read DESC, relname LIMIT most
$$;

CREATE FUNCTION sparkops_health.queue()
RETURNS TABLE (waiting_steps bigint, oldest_seconds bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT count(*), coalesce(extract(epoch FROM now() - min(queued_at)), 0)::bigint
  FROM {schema}.runs_steprun WHERE state = 'queued' AND NOT held
$$;

CREATE FUNCTION sparkops_health.sessions()
RETURNS TABLE (state text, waits_for text, sessions bigint, transaction_seconds bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT state, wait_event, count(*), max(extract(epoch FROM now() - xact_start))::bigint
  FROM pg_stat_activity WHERE backend_type = 'client backend'
  GROUP BY 1, 2 ORDER BY 4 DESC NULLS LAST, 3 DESC, 1, 2
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA sparkops_health FROM PUBLIC;
GRANT USAGE ON SCHEMA sparkops_health TO {role};
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA sparkops_health TO {role};
GRANT CONNECT ON DATABASE {database} TO {role};
ALTER ROLE {role} SET default_transaction_read_only = on;
