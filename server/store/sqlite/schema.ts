/**
 * The tables of both databases, in one place. Times are epoch ms, hours are epoch ms / 3,600,000.
 *
 * Text from laptops or people is stored as JSON: SQLite's own text functions, and node:sqlite, cut or replace NUL and
 * lone surrogates, and JSON escapes both.
 */
export const LOG_VERSION = 3

/** Ids of the stored feed events, so that a sender may send again. Deleted with the events. */
const FEED_IDS = `
create table feed_ids (id text primary key, arrived integer not null) without rowid;
create index feed_ids_by_arrival on feed_ids (arrived);
`

/**
 * facts 'stream': the stream's id. 'edits': the number of commits without a record. 'scanned_from': segments from this
 * position on are in the two tables below; a scan reads older segments whole.
 */
const SCANNING = `
create table facts (key text primary key, value text not null) without rowid;
insert into facts values ('stream', lower(hex(randomblob(16)))), ('edits', '0');

-- Which segments hold events and feed lines of a category.
create table contents (
  category integer not null, segment integer not null, primary key (category, segment)
) without rowid;

-- For a segment with contracts, devices or clocks: the segment with all other lines empty.
create table landmarks (segment integer primary key, lines blob not null);
`

export const LOG_SCHEMA = `
-- The newest records, fewer than a segment's worth: one row per commit. Lines are joined by newlines, zstd with checksum.
create table journal (first integer primary key, last integer not null, lines blob not null);

-- The rest of the log, about 1,000 records each. Identified by its first position. Only retain() changes it.
-- newest: the latest event time in it. arrived: when the last telemetry in it was received. Null without any.
-- A record deleted because of its age is an empty line. Lines of zero bytes: these positions were lost, and
-- arrived says when that was found; null: so long ago that it is not reported any more.
create table segments (
  first integer primary key, last integer not null, newest integer, arrived integer, lines blob not null
);
create index segments_by_arrival on segments (arrived) where arrived is not null;

-- Devices and categories by small numbers, because millions of rows below refer to them.
create table names (id integer primary key, kind text not null, name text not null, unique (kind, name));

-- Which segments hold a device's events of a category and hour. Everything from here to 'streams' is written in the
-- transaction that writes the segment, and does not include the journal.
create table postings (
  device integer not null, category integer not null, hour integer not null, segment integer not null,
  primary key (device, category, hour, segment)
) without rowid;

create table rollups (
  device integer not null, category integer not null, hour integer not null, events integer not null,
  primary key (device, category, hour)
) without rowid;

-- Which numbers are stored, in ranges without gaps, and in which segment.
create table received (
  device text not null, epoch integer not null, last integer not null, first integer not null, segment integer not null,
  primary key (device, epoch, last)
) without rowid;

-- The highest number stored or rejected. sum: CRC-32 of the row, because laptops delete events up to this number; null in rows of
-- older versions.
create table streams (
  device text not null, epoch integer not null, seq integer not null, sum integer, primary key (device, epoch)
) without rowid;

-- Events whose number was used before by another one: each stored once. Written with the commit, not with the segment.
create table conflicts (
  device text not null, epoch integer not null, seq integer not null, id text not null,
  primary key (device, epoch, seq, id)
) without rowid;

-- entry: JSON of Rejected. The newest 1,000 per device.
create table rejected (
  id integer primary key, device text not null, epoch integer, seq integer, entry text not null,
  unique (device, epoch, seq)
);
create index rejected_by_device on rejected (device, id);
create table rejected_totals (device text primary key, total integer not null) without rowid;
${FEED_IDS}${SCANNING}
insert into facts values ('scanned_from', '0');
`
/** Upgrades each version to the next: the first upgrades 1 to 2. */
export const LOG_UPGRADES: readonly string[] = [
  FEED_IDS,
  `${SCANNING}
insert into facts select 'scanned_from', coalesce(max(last), 0) + 1 from segments;
alter table streams add column sum integer;`,
]

/** Decisions about workers; a worker's newest counts. */
const VERDICTS = `
create table verdicts (id integer primary key autoincrement, worker text not null, doc text not null);
create index verdicts_by_worker on verdicts (worker, id);
`

/** Until then nothing revoked a laptop. */
const REVOKED = `
create index enrolled_revoked on enrolled (revoked_at) where revoked_at is not null;
`

/**
 * doc: JSON of the interface's type, everywhere below; the other columns are for look-up and order.
 */
const PEOPLE = `
create table enrolled (device text primary key, doc text not null, revoked_at integer) without rowid;
${REVOKED}create table tokens (
  hash text primary key, worker text, created_at integer not null, expires_at integer not null, used_at integer
) without rowid;

-- autoincrement: the id of a deleted user is never reused, because the audit trail and sessions refer to it.
create table users (id integer primary key autoincrement, name text not null unique, doc text not null);
create table sessions (
  hash text primary key, user_id integer not null, created_at integer not null, expires_at integer not null,
  once integer not null
) without rowid;

create table audit (id integer primary key autoincrement, doc text not null);
create table settings (key text primary key, value text not null) without rowid;
${VERDICTS}
`

/**
 * What an evaluation with a base has to undo. state null: there was no such row.
 */
const AMENDING = `
create table kept_before (
  evaluation integer not null, part text not null, subject text not null, full_subject text, state text,
  primary key (evaluation, part, subject)
);
`

/** Rows of more than a few hundred bytes are faster in a table with a rowid: https://sqlite.org/withoutrowid.html */
const JUDGEMENT = `
-- doc: what does not change. revision: the highest of its standings.
create table evaluations (
  id integer primary key autoincrement, name text not null unique, doc text not null,
  position integer not null default 0, digest text, time integer not null default 0, active integer not null default 0,
  revision integer not null default 0
);
create unique index evaluations_active on evaluations (active) where active = 1;
-- Dropped evaluations, whose rows below are being deleted.
create table dropped (evaluation integer primary key);

-- full_subject: JSON of the subject if its key differs from it.
create table kept (
  evaluation integer not null, part text not null, subject text not null, full_subject text, state text not null,
  primary key (evaluation, part, subject)
);
create table findings (
  evaluation integer not null, id text not null, worker text, time integer not null, doc text not null,
  primary key (evaluation, id)
);
create index findings_by_worker on findings (evaluation, worker, time, id);
-- gone: the worker's standing was removed; doc is then JSON of the worker's id.
create table standings (
  evaluation integer not null, worker text not null, revision integer not null, gone integer not null,
  doc text not null, primary key (evaluation, worker)
);
create index standings_by_revision on standings (evaluation, revision);
create table clusters (
  evaluation integer not null, place integer not null, doc text not null, primary key (evaluation, place)
);

-- autoincrement: a trimmed seq is never reused.
create table changes (
  seq integer primary key autoincrement, id text not null unique, time integer not null, doc text not null
);
create index changes_by_time on changes (time);
create table consumers (name text primary key, seq integer not null) without rowid;
`

/** base: the evaluation that it amends; null: none. */
const BASE = 'alter table evaluations add column base integer;'

/**
 * The log is evaluated again: until then the old findings are the active evaluation, so that the console has something
 * to show. The worker of a token becomes JSON, as all text from outside.
 */
const JUDGEMENT_BY_EVALUATION = `
drop index findings_by_time;
drop index findings_by_worker;
alter table findings rename to findings_before;
${JUDGEMENT}
insert into evaluations (name, doc, time, active)
  select 'before-upgrade', json_object('id', 'before-upgrade', 'ruleset', '{}', 'stream', ''), max(last_time), 1
  from findings_before having count(*) > 0;
insert into findings (evaluation, id, worker, time, doc)
  select evaluations.id, before.id, worker, json_extract(before.doc, '$.time'), before.doc
  from findings_before before, evaluations;
drop table findings_before;
drop table progress;
update tokens set worker = json_quote(worker);
`

export const STORE_VERSION = 5
export const STORE_SCHEMA = `${PEOPLE}${JUDGEMENT}${BASE}${AMENDING}`
export const STORE_UPGRADES: readonly string[] = [
  VERDICTS,
  JUDGEMENT_BY_EVALUATION,
  `alter table enrolled add column revoked_at integer;${REVOKED}`,
  `${BASE}${AMENDING}`,
]
