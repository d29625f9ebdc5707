-- A spot check: which traces were drawn to be judged blind, from what, and what is known for certain.
--
-- The judgements themselves are decisions, under the question `leak/` + the check's id, so that they
-- travel through the same outbox and none is lost; `trace_state` looks at the question `train` only.
-- A check is drawn once and never changed: its id is the hash of what was asked for and of what was
-- drawn, so `verify` can re-derive both. Append-only, no foreign keys, as everywhere.

create table spot_check (
    spot_check_id varchar primary key,
    name varchar not null check (length(name) > 0),
    -- The filter as it was typed ("" = every trace), and the sample that was asked for.
    filter varchar not null,
    seed bigint not null,
    allocation varchar not null check (allocation in ('proportional', 'equal', 'simple')),
    n_wished integer not null check (n_wished > 0),
    gold_share double not null check (gold_share >= 0 and gold_share < 1),
    -- The stop rule: is the leaking share below p1, above p0, or known to within +- half_width?
    stop_rule varchar not null check (stop_rule in ('sequence', 'sprt')),
    p0 double not null check (p0 > 0),
    p1 double not null check (p1 > p0 and p1 < 1),
    alpha double not null check (alpha > 0 and alpha < 1),
    beta double not null check (beta > 0 and beta < 1),
    half_width double not null check (half_width > 0 and half_width < 1),
    question varchar not null unique check (question = 'leak/' || spot_check_id),
    n_gold_left_out integer not null,
    created_by varchar not null check (length(created_by) > 0),
    created_at timestamptz not null
);

-- The population as it stood when the sample was drawn, traces of a known state left out.
create table spot_check_stratum (
    spot_check_id varchar not null,
    teacher_context varchar not null,
    teacher varchar not null,
    n_population bigint not null,
    primary key (spot_check_id, teacher_context, teacher)
);

-- What was drawn, in the order to judge it. A gold item's true state is known; it is mixed in unseen
-- to learn how often the judge errs, and not counted in the share.
create table spot_check_item (
    spot_check_id varchar not null,
    place integer not null,
    trace_id varchar not null,
    text_hash varchar not null,
    teacher_context varchar not null,
    teacher varchar not null,
    is_gold boolean not null,
    primary key (spot_check_id, place),
    unique (spot_check_id, trace_id)
);

-- What is known of a trace for certain, and from where; null = taken back. `judges` are the people
-- whose judgements made the label: it cannot be held against their own.
create table gold_label (
    gold_label_id varchar primary key,
    sequence bigint not null unique,
    trace_id varchar not null,
    text_hash varchar not null,
    is_leaking boolean,
    source varchar not null check (length(source) > 0),
    judges varchar[] not null,
    marked_by varchar not null check (length(marked_by) > 0),
    marked_at timestamptz not null
);

-- When a judge was first shown the scores and contexts of a check: what they judge later is not blind.
create table spot_check_reveal (
    spot_check_id varchar not null,
    reviewer varchar not null check (length(reviewer) > 0),
    revealed_at timestamptz not null,
    primary key (spot_check_id, reviewer)
);

-- What is known of each trace now.
create view current_gold as
select * from (
    select * from gold_label
    qualify row_number() over (partition by trace_id order by sequence desc) = 1
)
where is_leaking is not null;

-- What each judge says now of each drawn trace, and whether they had seen the scores before.
create view spot_check_judgement as
select i.spot_check_id, i.place, i.trace_id, i.teacher_context, i.teacher, i.is_gold,
    d.decision_id, d.sequence, d.reviewer, d.verdict, d.reasons, d.note, d.decided_at, d.active_s,
    coalesce(d.decided_at > r.revealed_at, false) as is_after_reveal
from spot_check c
join spot_check_item i using (spot_check_id)
join current_decision d on d.question = c.question and d.trace_id = i.trace_id
left join spot_check_reveal r
    on r.spot_check_id = c.spot_check_id and r.reviewer = d.reviewer;
