-- Ends the sessions of one's own login that stopped in the middle of what they send, and may hold a lock that others
-- wait for. A worker that has taken a role may neither see nor end its login's other sessions itself.

CREATE SCHEMA rma_sessions;

CREATE FUNCTION rma_sessions.end_silent(silence_max_ms integer) RETURNS SETOF boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND usename = session_user AND state = 'active' AND wait_event = 'ClientRead'
    AND state_change < clock_timestamp() - silence_max_ms * interval '1 millisecond'
$$;
REVOKE ALL ON FUNCTION rma_sessions.end_silent(integer) FROM PUBLIC;
