-- What reviewers are asked to do, and the reasons they choose from: versions, only added to.
--
-- A version's id is the hash of its kind and content, so the same text again is the same version; a
-- row says that somebody put it in force then, and the newest row of a kind counts. Each decision
-- names in its `extra` the versions that its reviewer's desk had (guidelines_id, reasons_id).

create table guideline (
    sequence bigint primary key,
    guideline_id varchar not null,
    kind varchar not null check (kind in ('guidelines', 'reasons')),
    content varchar not null,
    author varchar not null check (length(author) > 0),
    stored_at timestamptz not null,
    content_hash varchar not null
);

-- What is in force; blank guidelines are none.
create view current_guideline as
select *
from guideline
qualify row_number() over (partition by kind order by sequence desc) = 1;
