-- Which students the app reads with. Numbers of each stand side by side under their own
-- conventions; a row here says that the app's scorer shall make more of them, and in which dtype.
-- A student that is no longer wanted keeps its row and its numbers.

create table student (
    student varchar primary key,
    dtype varchar not null,
    is_wanted boolean not null,
    added_at timestamptz not null
);
