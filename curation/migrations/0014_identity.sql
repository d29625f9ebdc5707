-- Who may come in, who is in, and what was done by whom: three logs that are only added to.
--
-- A row of identity_account says the whole of an account from then on, so the newest row of a name
-- counts. A password is there as its argon2 hash, or not at all for people whom somebody else signs
-- in. A row of identity_session says that a session was opened, seen or closed; its id is the hash of
-- what the browser holds. Each row of identity_audit carries the hash of the one before it.
--
-- No view joins these tables, and no filter that a person types may name them.

create table identity_account (
    sequence bigint primary key,
    name varchar not null check (length(name) > 0),
    what varchar not null check (what in ('add', 'role', 'password', 'disable', 'enable')),
    role varchar not null check (role in ('reviewer', 'lead', 'admin')),
    password_hash varchar,
    is_enabled boolean not null,
    made_by varchar not null,
    made_at timestamptz not null,
    content_hash varchar not null
);

create table identity_session (
    session_id varchar not null,
    name varchar not null,
    what varchar not null check (what in ('opened', 'seen', 'closed')),
    address varchar not null,
    made_at timestamptz not null
);

create table identity_audit (
    sequence bigint primary key,
    made_at timestamptz not null,
    who varchar not null,
    what varchar not null,
    subject varchar not null,
    detail varchar not null,
    address varchar not null,
    previous_hash varchar not null,
    content_hash varchar not null
);
