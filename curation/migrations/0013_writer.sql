-- One row that whoever writes changes first, where several processes write through a store server.
--
-- DuckDB refuses a second transaction that changes a row which an open one has changed. That makes
-- this row the lock: a sequence number, an undo and a bulk each look before they write. The number
-- says how often anything but decisions was written, so that every process knows when what it
-- remembers is old. It is no record of anything, and a process that owns its file leaves it alone.

create table writer (
    n_changes bigint not null
);

insert into writer values (0);
