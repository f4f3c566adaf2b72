/**
 * The tables of the history in PostgreSQL: those of telemetry.db (`sqlite/schema.ts`) without the stream's own.
 * Times are epoch ms, hours are epoch ms / 3,600,000; texts are looked up by `keyOf`.
 *
 * Lines are already compressed: storage `external` keeps PostgreSQL from compressing them again.
 */
import type { Schema } from './database.ts'

const TABLES = `
-- One row, locked by every writer. records and characters: of the journal.
create table history_head (last bigint not null, records integer not null, characters bigint not null);
insert into history_head values (0, 0, 0);

-- The newest records, fewer than a segment's worth. An empty line was no longer in the stream.
create table history_journal (first bigint primary key, last bigint not null, lines bytea not null);
alter table history_journal alter column lines set storage external;

-- The rest, about 1,000 records each. landmarks: the segment with all lines empty except contracts, devices and clocks.
create table history_segments (
  first bigint primary key, last bigint not null, newest bigint, arrived bigint, landmarks bytea, lines bytea not null
);
alter table history_segments alter column lines set storage external, alter column landmarks set storage external;
create index history_segments_by_arrival on history_segments (arrived) where arrived is not null;

-- full_name: JSON of the device or category.
create table history_names (
  id integer generated always as identity primary key, kind text not null, name text collate "C" not null,
  full_name text not null, unique (kind, name)
);

create table history_postings (
  device integer not null, category integer not null, hour bigint not null, segment bigint not null,
  primary key (device, category, hour, segment)
);
create table history_rollups (
  device integer not null, category integer not null, hour bigint not null, events bigint not null,
  primary key (device, category, hour)
);
create table history_contents (category integer not null, segment bigint not null, primary key (category, segment));
create table history_received (
  device integer not null, epoch bigint not null, last bigint not null, first bigint not null, segment bigint not null,
  primary key (device, epoch, last)
);

create table history_rejected (
  id bigint generated always as identity primary key, device text collate "C" not null, epoch bigint, seq bigint,
  received_at bigint not null, entry text not null, unique (device, epoch, seq)
);
create index history_rejected_by_device on history_rejected (device, id);
create index history_rejected_by_time on history_rejected (received_at);
create table history_rejected_totals (device text collate "C" primary key, total bigint not null);
`

export const HISTORY: Schema = { part: 'history', version: 1, create: TABLES, upgrades: [] }
