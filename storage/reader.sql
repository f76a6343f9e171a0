-- The role that reads the published views and nothing else.
--
-- It logs in for itself, so that nothing it can say makes it somebody else: a `set role` could be
-- undone. It may not write, nor look into schema mill, nor make temporary tables.

do $$
begin
    create role ledgermill_reader login noinherit connection limit 32;
exception
    when duplicate_object or unique_violation or insufficient_privilege then null;
end $$;

do $$
begin
    if not exists (select from pg_roles where rolname = 'ledgermill_reader') then
        return;
    end if;
    grant usage on schema public to ledgermill_reader;
    grant select
        on public.pages, public.lines, public.regions, public.cells, public.observations
        to ledgermill_reader;
end $$;

-- Postgres lets everybody make temporary tables.
do $$
begin
    execute format('revoke temporary, create on database %I from public', current_database());
    revoke create on schema public from public;
exception
    when insufficient_privilege then null;
end $$;

do $$
begin
    alter role ledgermill_reader set default_transaction_read_only = on;
    alter role ledgermill_reader set statement_timeout = '10s';
    alter role ledgermill_reader set lock_timeout = '2s';
    alter role ledgermill_reader set idle_in_transaction_session_timeout = '30s';
    alter role ledgermill_reader set search_path = pg_catalog, public, pg_temp;
    alter role ledgermill_reader set work_mem = '16MB';
    alter role ledgermill_reader set max_parallel_workers_per_gather = 0;
    alter role ledgermill_reader set temp_file_limit = '512MB';
exception
    -- Where the right to these is missing, storage.sql asks for most of them as it connects.
    when insufficient_privilege or undefined_object then null;
end $$;

-- What a function can do besides computing a value (sleep, lock, change settings, read files, run
-- a text as SQL) is volatile: of those only the harmless ones stay open to everybody, the others to
-- the owner of the database. The catalogue belongs to superusers, so this needs one.
do $$
declare
    dangerous regprocedure;
begin
    if not (select rolsuper from pg_roles where rolname = current_user) then
        return;
    end if;
    for dangerous in
        select pg_proc.oid
        from pg_proc
        where pronamespace in ('pg_catalog'::regnamespace, 'public'::regnamespace)
            and prokind in ('f', 'p')
            and has_function_privilege('ledgermill_reader', pg_proc.oid, 'execute')
            and (
                provolatile = 'v' and proname not in (
                    'array_sample', 'array_shuffle', 'clock_timestamp', 'gen_random_uuid',
                    'random', 'random_normal', 'setseed', 'timeofday', 'uuidv4', 'uuidv7'
                )
                -- These run a query that they make themselves.
                or proname ~ '^(database|schema|table)_to_xml'
            )
    loop
        execute format('revoke execute on routine %s from public', dangerous);
        execute format('grant execute on routine %s to pg_database_owner', dangerous);
    end loop;
end $$;
