/**
 * The tables of the store in PostgreSQL. Times are epoch ms.
 *
 * doc: JSON of the interface's type, as text, because jsonb refuses NUL and lone surrogates even when they are escaped.
 * The other columns are for look-up and order, by `keyOf`; collation C compares code points, and lets an index answer
 * 'begins with'.
 */
import type { Schema } from './database.ts'

const REVOKED = `
create index devices_revoked on devices (revoked_at) where revoked_at is not null;
`

/**
 * base: the evaluation that it amends; null: none. kept_before: what it then has to undo; state null: there was no such
 * row.
 */
const AMENDING = `
alter table evaluations add column base bigint;
create table kept_before (
  evaluation bigint not null, part text collate "C" not null, subject text collate "C" not null, full_subject text,
  state text, primary key (evaluation, part, subject)
);
`

const TABLES = `
create table devices (device text collate "C" primary key, doc text not null, revoked_at bigint);
${REVOKED}create table tokens (
  hash text collate "C" primary key, worker text, created_at bigint not null, expires_at bigint not null, used_at bigint
);

-- An identity is never reused, because the audit trail and sessions refer to it.
create table users (
  id bigint generated always as identity primary key, name text collate "C" not null unique, doc text not null
);
create table sessions (
  hash text collate "C" primary key, user_id bigint not null, created_at bigint not null, expires_at bigint not null,
  once boolean not null
);

create table verdicts (
  id bigint generated always as identity primary key, worker text collate "C" not null, doc text not null
);
create index verdicts_by_worker on verdicts (worker, id);
create table audit (id bigint generated always as identity primary key, doc text not null);
create table settings (key text collate "C" primary key, value text not null);

-- The row of an evaluation is locked by every writer to it. revision: the highest of its standings.
create table evaluations (
  id bigint generated always as identity primary key, name text collate "C" not null unique, doc text not null,
  position bigint not null default 0, digest text, time bigint not null default 0, active boolean not null default false,
  revision bigint not null default 0
);
create unique index evaluations_active on evaluations (active) where active;
-- Dropped evaluations, whose rows below are being deleted.
create table dropped (evaluation bigint primary key);

-- full_subject: JSON of the subject if its key differs from it.
create table kept (
  evaluation bigint not null, part text collate "C" not null, subject text collate "C" not null, full_subject text,
  state text not null, primary key (evaluation, part, subject)
);
create table findings (
  evaluation bigint not null, id text collate "C" not null, worker text collate "C", time bigint not null,
  doc text not null, primary key (evaluation, id)
);
create index findings_by_worker on findings (evaluation, worker, time, id);
-- gone: the worker's standing was removed; doc is then JSON of the worker's id.
create table standings (
  evaluation bigint not null, worker text collate "C" not null, revision bigint not null, gone boolean not null,
  doc text not null, primary key (evaluation, worker)
);
create index standings_by_revision on standings (evaluation, revision);
create table clusters (
  evaluation bigint not null, place integer not null, doc text not null, primary key (evaluation, place)
);

create table changes (
  seq bigint primary key, id text collate "C" not null unique, time bigint not null, doc text not null
);
create index changes_by_time on changes (time);
-- One row, the seq of the newest change. Locked by every writer, so that seq grows in the order of the commits.
create table feed (last bigint not null);
insert into feed (last) values (0);
create table consumers (name text collate "C" primary key, seq bigint not null);
`

export const STORE: Schema = {
  part: 'store',
  version: 3,
  create: `${TABLES}${AMENDING}`,
  upgrades: [`alter table devices add column revoked_at bigint;${REVOKED}`, AMENDING],
}
