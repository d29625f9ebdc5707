-- What is decided of a trace, as 0009 has it, from one pass over the decisions.
--
-- Every list, page and export asks for it. Going through the views it took the newest decision of each
-- reviewer twice, by a sort, and joined the two: three times as long over a million traces, and the
-- state of one trace took as long as that of all.

create or replace view trace_state as
with said as (
    -- What each reviewer says now, and the queue in which they first gave a verdict.
    select trace_id, reviewer,
        max(sequence) as sequence,
        arg_max(verdict, sequence) as verdict,
        arg_min(coalesce(queue, ''), sequence)
            filter (verdict in ('accept', 'reject')) as first_queue
    from live_decision
    where question = 'train'
    group by trace_id, reviewer
),
told as (
    select *, verdict in ('accept', 'reject')
        and coalesce(first_queue = 'needs adjudication', false) as is_adjudication
    from said
),
counted as (
    select trace_id,
        count(*) filter (verdict = 'accept') as n_accept,
        count(*) filter (verdict = 'reject') as n_reject,
        count(*) filter (verdict = 'flag') as n_flag,
        count(*) filter (verdict = 'skip') as n_skip,
        count(*) filter (verdict = 'accept' and not is_adjudication) as n_readers_accept,
        count(*) filter (verdict = 'reject' and not is_adjudication) as n_readers_reject,
        arg_max(verdict, sequence) filter (is_adjudication) as adjudicated,
        max(sequence) as last_sequence
    from told
    group by trace_id
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
