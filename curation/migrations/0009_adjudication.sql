-- Adjudication settles a dispute: where readers differ, the verdict of somebody who did not vote stands.
--
-- An adjudicator of a trace is who first accepted or rejected it in the queue "needs adjudication"
-- (`decision.queue`), which offers it to nobody who voted; what they say of it later is an
-- adjudication too. Everybody else who votes is a reader, also one who votes first and comes by that
-- queue later. Verdicts that were taken back count for neither.

create view adjudication as
with first_vote as (
    select trace_id, reviewer, arg_min(coalesce(queue, ''), sequence) as queue
    from live_decision
    where question = 'train' and verdict in ('accept', 'reject')
    group by trace_id, reviewer
)
select c.decision_id, c.sequence, c.trace_id, c.reviewer, c.verdict
from current_decision c
semi join first_vote f
    on f.trace_id = c.trace_id and f.reviewer = c.reviewer and f.queue = 'needs adjudication'
where c.question = 'train' and c.verdict in ('accept', 'reject');

-- What is decided of a trace. Skips and flags settle nothing. Where readers give both verdicts and
-- there is an adjudication, the newest one decides; otherwise a trace is `accepted` or `rejected`
-- when all who gave a verdict agree, and `disputed` when they do not. The counts are of everybody.
create or replace view trace_state as
with counted as (
    select c.trace_id,
        count(*) filter (c.verdict = 'accept') as n_accept,
        count(*) filter (c.verdict = 'reject') as n_reject,
        count(*) filter (c.verdict = 'flag') as n_flag,
        count(*) filter (c.verdict = 'skip') as n_skip,
        count(*) filter (c.verdict = 'accept' and a.decision_id is null) as n_readers_accept,
        count(*) filter (c.verdict = 'reject' and a.decision_id is null) as n_readers_reject,
        arg_max(a.verdict, a.sequence) as adjudicated,
        max(c.sequence) as last_sequence
    from current_decision c
    left join adjudication a using (decision_id)
    where c.question = 'train'
    group by c.trace_id
)
select t.trace_id,
    case
        when c.n_readers_accept > 0 and c.n_readers_reject > 0 and c.adjudicated = 'accept'
            then 'accepted'
        when c.n_readers_accept > 0 and c.n_readers_reject > 0 and c.adjudicated = 'reject'
            then 'rejected'
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
