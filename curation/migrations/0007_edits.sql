-- Edits: a decision that accepts a trace may carry the text as its reviewer would have it.
--
-- The text stands in the decision (`extra.edit`) and, so that the student reads it and its markers
-- are counted, as a trace of its own, taken in by no file (ingest_id 'edit'). Such a trace is no
-- teacher's answer and nobody's task: queues, samples, comparisons and counts of what is to be
-- decided leave it out, and it is exported through the decision that made it or not at all.

create view edited_trace as
select trace_id, refined_from, text_hash from trace where ingest_id = 'edit';

-- Every edit that was ever stored, whether its decision stands or not.
create view decision_edit as
select decision_id, sequence, reviewer, question, verdict, trace_id as original_trace_id,
    json_extract_string(extra, '$.edit.trace_id') as trace_id,
    json_extract_string(extra, '$.edit.text_hash') as text_hash
from decision
where contains(extra, '"edit"') and json_extract_string(extra, '$.edit.trace_id') is not null;

-- The edit of each trace that counts: the newest among what its reviewers say now.
create view current_edit as
select e.*
from decision_edit e
semi join current_decision c on c.decision_id = e.decision_id
where e.question = 'train' and e.verdict = 'accept'
qualify row_number() over (partition by e.original_trace_id order by e.sequence desc) = 1;
