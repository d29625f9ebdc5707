-- Recipes of exports: what a training set is made of, under a name, in versions.
--
-- A version's id is the hash of its canonical text, so the same recipe is the same version whoever
-- saves it; a row says that somebody saved it under that name then, and the newest row of a name is
-- what the name means. Rows are only added.

create table export_recipe (
    sequence bigint primary key,
    name varchar not null check (length(name) > 0),
    version_id varchar not null,
    content varchar not null,
    author varchar not null check (length(author) > 0),
    saved_at timestamptz not null,
    content_hash varchar not null
);
