-- Traces whose right verdict is known: mixed unseen into everybody's queue, they say how reliable people are.
--
-- Append-only: the newest record of a trace counts, a null verdict takes the mark back. (`gold_label`
-- is another thing: what is known of a leak, for spot checks.)

create table gold_verdict (
    gold_verdict_id varchar primary key,
    sequence bigint not null unique,
    trace_id varchar not null,
    text_hash varchar not null,
    verdict varchar check (verdict in ('accept', 'reject')),
    reasons varchar[] not null,
    note varchar,
    marked_by varchar not null check (length(marked_by) > 0),
    marked_at timestamptz not null
);

create view current_gold_verdict as
select * from (
    select * from gold_verdict
    qualify row_number() over (partition by trace_id order by sequence desc) = 1
)
where verdict is not null;
