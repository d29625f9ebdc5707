-- What a student can absorb of a trace, beyond its likelihood: families of numbers, each under a recipe.
--
-- A recipe says how a family is asked (texts, windows, word lists); numbers of different recipes are
-- never compared, so the one in use for a student's convention is a setting, as conventions are.
-- A family that could not be computed has a row with the reason; one that does not exist for a trace
-- (no reference answer: no belief) has a row without numbers, so that it is not tried again.

create table recipe (
    recipe_id varchar primary key,
    family varchar not null,
    record varchar not null,
    added_at timestamptz not null
);

create table compatibility (
    trace_id varchar not null,
    convention_id varchar not null,
    family varchar not null,
    recipe_id varchar not null,
    text_hash varchar not null,
    prompt_hash varchar not null,
    error varchar,
    mean_step_logprob_nats double,
    aslec_drop_nats double,
    top1_share double,
    max_entropy_nats double,
    alone_nll_nats double,
    ifd_loss double,
    ifd_ppl double,
    ifd_loss_first256 double,
    ifd_ppl_first256 double,
    ifd_loss_answer double,
    ifd_ppl_answer double,
    prompt_nll_nats double,
    prompt_alone_nll_nats double,
    rifd_loss double,
    rifd_ppl double,
    n_answer_tokens double,
    belief_before_nats double,
    belief_after_nats double,
    belief_gain_nats double,
    belief_jump_share double,
    belief_jump_step double,
    belief_win_step double,
    rival_margin_nats double,
    answer_shift_nats double,
    privilege_gain_nats double,
    privilege_gain_per_token_nats double,
    expected_hedges double,
    observed_hedges double,
    hedge_deficit double,
    step_start_hedge_deficit double,
    lalp_nats double,
    privileged_by varchar,
    per_token float[] not null,
    point_step integer[] not null,
    point_nats float[] not null,
    point_rival_nats float[] not null,
    pack varchar not null,
    scored_at timestamptz not null,
    primary key (trace_id, convention_id, family, recipe_id)
);

-- Signs in a trace's text that it answers without working (curation/compatibility/shortcuts.py);
-- `rules_id` names the rules that found them.
create table shortcut (
    trace_id varchar not null,
    rules_id varchar not null,
    repeated_share double,
    has_loop boolean not null,
    n_answer_repetitions integer not null,
    is_truncated boolean not null,
    n_skipped_computations integer not null,
    early_answer varchar,
    primary key (trace_id, rules_id)
);

-- How well a student knows a problem, from answers it was let to give (SliCK-like).
create table knowledge (
    problem_id varchar not null,
    convention_id varchar not null,
    recipe_id varchar not null,
    class varchar not null,
    n_samples integer not null,
    is_greedy_correct boolean not null,
    n_correct integer not null,
    answers varchar[] not null,
    sampled_at timestamptz not null,
    primary key (problem_id, convention_id, recipe_id)
);

create view current_recipe as
select cv.student, cv.convention_id, r.recipe_id, r.family
from current_convention cv
join setting s on starts_with(s.name, 'recipe/' || cv.convention_id || '/')
join recipe r on r.recipe_id = s.value;

create view latest_compatibility as
select r.student, c.*
from compatibility c
join current_recipe r using (convention_id, family, recipe_id);

-- One line a trace and student: the numbers of all families side by side.
create view trace_compatibility as
select c.student, c.trace_id, count(*) as n_families, count(c.error) as n_failed,
    any_value(c.mean_step_logprob_nats) as mean_step_logprob_nats,
    any_value(c.aslec_drop_nats) as aslec_drop_nats,
    any_value(c.top1_share) as top1_share,
    any_value(c.max_entropy_nats) as max_entropy_nats,
    any_value(c.alone_nll_nats) as alone_nll_nats,
    any_value(c.ifd_loss) as ifd_loss,
    any_value(c.ifd_ppl) as ifd_ppl,
    any_value(c.ifd_loss_first256) as ifd_loss_first256,
    any_value(c.ifd_ppl_first256) as ifd_ppl_first256,
    any_value(c.ifd_loss_answer) as ifd_loss_answer,
    any_value(c.ifd_ppl_answer) as ifd_ppl_answer,
    any_value(c.prompt_nll_nats) as prompt_nll_nats,
    any_value(c.prompt_alone_nll_nats) as prompt_alone_nll_nats,
    any_value(c.rifd_loss) as rifd_loss,
    any_value(c.rifd_ppl) as rifd_ppl,
    any_value(c.n_answer_tokens) as n_answer_tokens,
    any_value(c.belief_before_nats) as belief_before_nats,
    any_value(c.belief_after_nats) as belief_after_nats,
    any_value(c.belief_gain_nats) as belief_gain_nats,
    any_value(c.belief_jump_share) as belief_jump_share,
    any_value(c.belief_jump_step) as belief_jump_step,
    any_value(c.belief_win_step) as belief_win_step,
    any_value(c.rival_margin_nats) as rival_margin_nats,
    any_value(c.answer_shift_nats) as answer_shift_nats,
    any_value(c.privilege_gain_nats) as privilege_gain_nats,
    any_value(c.privilege_gain_per_token_nats) as privilege_gain_per_token_nats,
    any_value(c.expected_hedges) as expected_hedges,
    any_value(c.observed_hedges) as observed_hedges,
    any_value(c.hedge_deficit) as hedge_deficit,
    any_value(c.step_start_hedge_deficit) as step_start_hedge_deficit,
    any_value(c.lalp_nats) as lalp_nats,
    any_value(c.privileged_by) as privileged_by
from latest_compatibility c
group by c.student, c.trace_id;

create view current_shortcut as
select sc.*
from shortcut sc
join setting s on s.name = 'shortcut_rules' and s.value = sc.rules_id;

create view latest_knowledge as
select cv.student, k.*
from knowledge k
join current_convention cv using (convention_id)
qualify row_number() over (
    partition by k.problem_id, k.convention_id order by k.sampled_at desc, k.recipe_id) = 1;

-- As before, with the families' numbers and the shortcuts.
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
    m.n_alternative, m.n_verification, m.n_retrospective, m.n_booster, m.n_evidential, m.n_privilege
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
left join current_shortcut sc on sc.trace_id = t.trace_id;
