-- Who shall read what: a lead gives a slice of the traces to named people.
--
-- An assignment is drawn once and never changed; its id is the hash of what was asked for and of who
-- was given which trace, so `verify` can re-derive it. It ends by a record of its own. Append-only, no
-- foreign keys, as everywhere.

create table assignment (
    assignment_id varchar primary key,
    sequence bigint not null unique,
    name varchar not null,
    -- What the slice was: filter, text, how many or which share (a JSON object).
    asked varchar not null,
    reviewers varchar[] not null,
    readings integer not null check (readings > 0),
    seed bigint not null,
    made_by varchar not null check (length(made_by) > 0),
    made_at timestamptz not null
);

-- `place` is the order to read in; a trace that several people shall read has one row for each.
create table assignment_item (
    assignment_id varchar not null,
    place integer not null,
    trace_id varchar not null,
    reviewer varchar not null check (length(reviewer) > 0),
    primary key (assignment_id, trace_id, reviewer)
);

create table assignment_withdrawal (
    assignment_id varchar primary key,
    withdrawn_by varchar not null check (length(withdrawn_by) > 0),
    withdrawn_at timestamptz not null
);

-- Who shall read what now, in the order of the assignments.
create view live_assignment as
select i.trace_id, i.reviewer, a.sequence, i.place, a.assignment_id, a.name, a.made_by
from assignment a
join assignment_item i using (assignment_id)
where not exists (select 1 from assignment_withdrawal w where w.assignment_id = a.assignment_id);
