-- The first schema: what was taken in, what the student thinks of it, what people decided.
--
-- Everything that a person or a model said is appended and never edited; what is current is a view.
-- No foreign keys and no secondary indexes: appends then never conflict, and `verify` checks
-- the references instead. Ids are content hashes (curation/records.py), except decision ids,
-- which the client makes so that sending a decision twice stores it once.

create table setting (
    name varchar primary key,
    value varchar not null
);

create table problem (
    problem_id varchar primary key,
    prompt varchar not null,
    domain varchar,
    reference_answer varchar,
    reference_solution varchar,
    source varchar not null,
    licence varchar,
    added_at timestamptz not null
);

create table trace (
    trace_id varchar primary key,
    problem_id varchar not null,
    prompt varchar not null,
    teacher varchar not null,
    teacher_family varchar,
    teacher_context varchar not null check (teacher_context in (
        'unguided', 'answer', 'solution', 'verifier', 'hint', 'feedback', 'refined', 'unknown')),
    teacher_context_raw varchar not null,
    context_text varchar,
    sample_index integer not null,
    text varchar not null check (length(text) > 0),
    text_hash varchar not null,
    final_answer varchar,
    is_correct boolean,
    refined_from varchar,
    source varchar not null,
    licence varchar,
    external_id varchar,
    extra varchar not null,
    reference_answer varchar,
    step_start integer[] not null,
    step_end integer[] not null,
    origin varchar not null,
    line bigint not null,
    ingest_id varchar not null,
    added_at timestamptz not null,
    position bigint not null
);

create table ingest (
    ingest_id varchar primary key,
    origin varchar not null,
    format varchar not null,
    started_at timestamptz not null,
    n_read bigint not null,
    n_new bigint not null,
    n_duplicate bigint not null,
    n_rejected bigint not null,
    quarantine varchar
);

-- The convention record under which a number was computed; numbers of different conventions are
-- never compared (docs: ARCHITECTURE.md).
create table convention (
    convention_id varchar primary key,
    student varchar not null,
    record varchar not null,
    added_at timestamptz not null
);

create table score (
    trace_id varchar not null,
    convention_id varchar not null,
    text_hash varchar not null,
    prompt_hash varchar not null,
    error varchar,
    n_tokens integer,
    total_nll_nats double,
    mean_nll_nats double,
    perplexity double,
    mean_rank double,
    mean_clipped_rank double,
    rsr double,
    mean_entropy_nats double,
    max_nll_nats double,
    token_id integer[] not null,
    start_char integer[] not null,
    end_char integer[] not null,
    logprob_nats float[] not null,
    "rank" integer[] not null,
    entropy_nats float[] not null,
    pack varchar not null,
    scored_at timestamptz not null,
    primary key (trace_id, convention_id)
);

create table lexicon (
    lexicon_id varchar primary key,
    language varchar not null,
    content varchar not null,
    added_at timestamptz not null
);

-- What the markers of one lexicon are in one trace; lists of equal length, in order of start_char.
create table marking (
    trace_id varchar not null,
    lexicon_id varchar not null,
    start_char integer[] not null,
    end_char integer[] not null,
    category varchar[] not null,
    n_words integer not null,
    kim_count integer not null,
    primary key (trace_id, lexicon_id)
);

create table decision (
    decision_id varchar primary key,
    sequence bigint not null unique,
    trace_id varchar not null,
    question varchar not null,
    reviewer varchar not null check (length(reviewer) > 0),
    verdict varchar check (verdict in ('accept', 'reject', 'skip', 'flag')),
    withdraws varchar,
    reasons varchar[] not null,
    note varchar,
    directive varchar,
    queue varchar,
    shown_at timestamptz,
    decided_at timestamptz not null,
    stored_at timestamptz not null,
    active_s double,
    text_hash varchar not null,
    convention_id varchar,
    lexicon_id varchar,
    revealed boolean,
    origin varchar not null,
    extra varchar not null,
    content_hash varchar not null,
    check ((verdict is null) <> (withdraws is null))
);

create table export (
    export_id varchar primary key,
    format varchar not null,
    out varchar not null,
    n_rows bigint not null,
    manifest varchar not null,
    exported_at timestamptz not null
);

-- A decision that no later record has taken back.
create view live_decision as
select d.*
from decision d
where d.verdict is not null
  and not exists (select 1 from decision w where w.withdraws = d.decision_id);

-- What each reviewer says now: their newest live decision on a trace and question.
create view current_decision as
select *
from live_decision
qualify row_number() over (
    partition by trace_id, question, reviewer order by sequence desc) = 1;

-- What is decided of a trace. Skips and flags settle nothing: a trace is `accepted` or `rejected`
-- when all who gave a verdict agree, `disputed` when they do not, else `flagged` or `skipped` when
-- that is all that was said, else `undecided`. A flag stays visible beside the state.
create view trace_state as
with counted as (
    select trace_id,
        count(*) filter (verdict = 'accept') as n_accept,
        count(*) filter (verdict = 'reject') as n_reject,
        count(*) filter (verdict = 'flag') as n_flag,
        count(*) filter (verdict = 'skip') as n_skip,
        max(sequence) as last_sequence
    from current_decision
    where question = 'train'
    group by trace_id
)
select t.trace_id,
    case
        when c.n_accept > 0 and c.n_reject > 0 then 'disputed'
        when c.n_accept > 0 then 'accepted'
        when c.n_reject > 0 then 'rejected'
        when c.n_flag > 0 then 'flagged'
        when c.n_skip > 0 then 'skipped'
        else 'undecided'
    end as state,
    coalesce(c.n_accept, 0) as n_accept,
    coalesce(c.n_reject, 0) as n_reject,
    coalesce(c.n_flag, 0) as n_flag,
    coalesce(c.n_skip, 0) as n_skip,
    c.last_sequence
from trace t left join counted c using (trace_id);

create view open_dispute as
select * from trace_state where state = 'disputed';

-- The convention in use for each student name: the setting `convention/NAME`, which scoring sets.
create view current_convention as
select c.*
from convention c
join setting s on s.name = 'convention/' || c.student and s.value = c.convention_id;

-- The lexicon in use: the newest of each language.
create view current_lexicon as
select * from lexicon
qualify row_number() over (partition by language order by added_at desc, lexicon_id) = 1;

create view latest_score as
select c.student, s.*
from score s join current_convention c using (convention_id);

-- Marker counts of each trace under the lexicon in use.
create view marker_count as
select m.trace_id, m.lexicon_id, m.n_words, m.kim_count,
    len(m.category) as n_markers,
    len(list_filter(m.category, lambda c: c in (
        'hedge', 'reflection', 'alternative', 'verification', 'retrospective'))) as n_epistemic,
    len(list_filter(m.category, lambda c: c = 'hedge')) as n_hedge,
    len(list_filter(m.category, lambda c: c = 'reflection')) as n_reflection,
    len(list_filter(m.category, lambda c: c = 'alternative')) as n_alternative,
    len(list_filter(m.category, lambda c: c = 'verification')) as n_verification,
    len(list_filter(m.category, lambda c: c = 'retrospective')) as n_retrospective,
    len(list_filter(m.category, lambda c: c = 'booster')) as n_booster,
    len(list_filter(m.category, lambda c: c = 'evidential')) as n_evidential,
    len(list_filter(m.category, lambda c: c = 'privilege')) as n_privilege
from marking m join current_lexicon l using (lexicon_id);

-- One line a trace, with all that lists, filters and queues look at: its state, the scores of the
-- student in use (the setting `student`) and the marker counts of the lexicon in use.
create view trace_overview as
select t.trace_id, t.problem_id, t.position, p.domain, t.teacher, t.teacher_family,
    t.teacher_context, t.teacher_context_raw, t.sample_index, t.is_correct, t.final_answer,
    p.reference_answer, t.source, t.licence, t.external_id, t.refined_from, t.added_at,
    length(t.text) as n_chars, len(t.step_start) as n_steps, t.prompt, t.text, t.text_hash, t.extra,
    st.state,
    case st.state when 'accepted' then 'accept' when 'rejected' then 'reject'
        when 'flagged' then 'flag' when 'skipped' then 'skip' end as verdict,
    st.n_accept, st.n_reject, st.n_flag, st.n_skip, st.last_sequence,
    s.student, s.convention_id, s.error as score_error, s.n_tokens, s.total_nll_nats,
    s.mean_nll_nats, s.perplexity, s.mean_rank, s.mean_clipped_rank, s.rsr, s.mean_entropy_nats,
    s.max_nll_nats,
    m.lexicon_id, m.n_words, m.kim_count, m.n_markers, m.n_epistemic, m.n_hedge, m.n_reflection,
    m.n_alternative, m.n_verification, m.n_retrospective, m.n_booster, m.n_evidential, m.n_privilege
from trace t
join problem p using (problem_id)
join trace_state st using (trace_id)
left join marker_count m using (trace_id)
left join latest_score s
    on s.trace_id = t.trace_id
    and s.student = (select value from setting where name = 'student');
