-- A team's own lexicon, other languages, and no count where there is no lexicon for a language.
--
-- What a team changes is a log: a record adds, silences or reclassifies a phrase, makes an earlier
-- version the one to start from (`use`; without a lexicon_id: the shipped one), or takes an earlier
-- record back (`withdraw`). The lexicon in use is derived from the log, and the setting
-- `lexicon/LANGUAGE` names it, as settings name conventions: the newest by added_at could not be an
-- earlier one again. A trace's language is a fact about its text, under the detector that found it;
-- that it is not counted follows from it and from the lexicons in use, so that a lexicon that comes
-- later lifts the refusal. Markings of before stay valid.

create table lexicon_change (
    change_id varchar primary key,
    sequence bigint not null unique,
    language varchar not null,
    action varchar not null
        check (action in ('add', 'silence', 'reclassify', 'use', 'withdraw')),
    phrase varchar,
    category varchar,
    strength varchar check (strength in ('weak', 'strong')),
    lexicon_id varchar,
    withdraws varchar,
    why varchar not null check (length(why) > 0),
    who varchar not null check (length(who) > 0),
    changed_at timestamptz not null,
    content_hash varchar not null,
    check ((action in ('add', 'silence', 'reclassify')) = (phrase is not null)),
    check ((action = 'withdraw') = (withdraws is not null))
);

-- A record that no later one has taken back.
create view live_lexicon_change as
select c.*
from lexicon_change c
where c.action <> 'withdraw'
  and not exists (select 1 from lexicon_change w where w.withdraws = c.change_id);

insert into setting
select 'lexicon/' || language, lexicon_id from current_lexicon
on conflict do nothing;

-- The lexicon in use for each language: the setting `lexicon/LANGUAGE`.
create or replace view current_lexicon as
select l.*
from lexicon l
join setting s on s.name = 'lexicon/' || l.language and s.value = l.lexicon_id;

-- What language a trace is written in ('und' = too few words to tell), and what found it.
create table trace_language (
    trace_id varchar not null,
    detector varchar not null,
    language varchar not null,
    probability double not null,
    n_letters integer not null,
    primary key (trace_id, detector)
);

create view current_language as
select t.*
from trace_language t
join setting s on s.name = 'language_detector' and s.value = t.detector;

-- Traces that are not counted, and why.
create view refused_trace as
select c.trace_id, c.language,
    'The text is in language ' || c.language || ', and no lexicon in use is for it.' as reason
from current_language c
anti join current_lexicon l on l.language = c.language
where c.language <> 'und';

-- As before, under the lexicon of the trace's language; English where that cannot be told, or is
-- not known yet. A trace in a language without a lexicon has no row.
create or replace view marker_count as
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
from marking m
join current_lexicon l using (lexicon_id)
left join current_language c on c.trace_id = m.trace_id
where l.language = coalesce(nullif(c.language, 'und'), 'en');

-- As before, with the language and why a trace is not counted.
create or replace view trace_overview as
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
    s.max_nll_nats, -s.mean_nll_nats as grape_nats,
    -- A judge's score, where the source brings one, against the student's loss (beta 1).
    try_cast(coalesce(json_extract_string(t.extra, '$.reward'),
        json_extract_string(t.extra, '$.teacher_score')) as double) / (1 + s.mean_nll_nats) as car,
    c.mean_step_logprob_nats, c.aslec_drop_nats, c.top1_share, c.max_entropy_nats,
    c.alone_nll_nats, c.ifd_loss, c.ifd_ppl, c.ifd_loss_first256, c.ifd_ppl_first256,
    c.ifd_loss_answer, c.ifd_ppl_answer, c.prompt_nll_nats, c.prompt_alone_nll_nats, c.rifd_loss,
    c.rifd_ppl, c.n_answer_tokens, c.belief_before_nats, c.belief_after_nats, c.belief_gain_nats,
    c.belief_jump_share, c.belief_jump_step, c.belief_win_step, c.rival_margin_nats,
    c.answer_shift_nats, c.privilege_gain_nats, c.privilege_gain_per_token_nats,
    c.expected_hedges, c.observed_hedges, c.hedge_deficit, c.step_start_hedge_deficit, c.lalp_nats,
    c.privileged_by, sc.repeated_share, sc.n_answer_repetitions, sc.has_loop, sc.is_truncated,
    sc.n_skipped_computations, sc.early_answer,
    m.lexicon_id, m.n_words, m.kim_count, m.n_markers, m.n_epistemic, m.n_hedge, m.n_reflection,
    m.n_alternative, m.n_verification, m.n_retrospective, m.n_booster, m.n_evidential, m.n_privilege,
    cl.language, r.reason as marking_refusal
from trace t
join problem p using (problem_id)
join trace_state st using (trace_id)
left join marker_count m using (trace_id)
left join latest_score s
    on s.trace_id = t.trace_id
    and s.student = (select value from setting where name = 'student')
left join trace_compatibility c
    on c.trace_id = t.trace_id
    and c.student = (select value from setting where name = 'student')
left join current_shortcut sc on sc.trace_id = t.trace_id
left join current_language cl on cl.trace_id = t.trace_id
left join refused_trace r on r.trace_id = t.trace_id;
