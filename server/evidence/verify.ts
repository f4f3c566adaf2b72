/**
 * Verifies an evidence pack, without the server that made it: that no byte was changed since, and that the verdict
 * follows from what is in it.
 *
 * Shape   first the seal: the digest of each line, and the signature over all. Then what is in it: versions of the
 *         rules, which of them match which event, the findings, the score. Each problem names a byte of the file.
 *         A pack made by another version of Tellwire may give other results; its seal holds anyway.
 * Errors  none: whatever the file is, the answer says what is wrong with it.
 */
import type { Contract } from '../../wire/contract.ts'
import { explained } from '../assess/score.ts'
import { signedBy } from '../ingest/identity.ts'
import type { Explained } from '../model/assessment.ts'
import type { Finding } from '../model/finding.ts'
import {
  DIGEST_MODULUS,
  type Digest,
  digestOf,
  type Head,
  jsonIn,
  type Line,
  type LineOf,
  type Placed,
  packed,
  parsePack,
  Seal,
  sealed,
} from './pack.ts'
import { findingsAgain, matchesOf, type PackRules, packRules } from './recompute.ts'

export interface PackProblem {
  /** Of the file, from 0. Null: everywhere, as with a missing seal. */
  byte: number | null
  /** Null: the place is exact. Otherwise the first byte that differs is from `byte` to here. */
  until: number | null
  /** 'line 12, an event of 2026-09-14T11:15:00.000Z'. */
  where: string
  why: string
}

export interface Verified {
  /** Null when the file is no pack. */
  head: Head | null
  assessment: Explained | null
  /** Who signed. Null when there is no seal that can be read. */
  key: string | null
  /** Against the seal. */
  changed: PackProblem[]
  /** Against what follows from its content. */
  differs: PackProblem[]
  findings: { again: number; matched: number }
  engine: number
}

const NEWLINE = 0x0a
const SEAL = '{"kind":"seal"'

export function verifyPack(file: Buffer, engine: number): Verified {
  const found: Verified = {
    ...{ head: null, assessment: null, key: null, changed: [], differs: [], engine },
    findings: { again: 0, matched: 0 },
  }
  const { lines, rest } = linesOf(file)
  const last = lines.at(-1)
  const seal = last && Seal.safeParse(jsonIn(last.bytes.toString('utf8')))
  if (!last || !seal?.success) {
    const isSeal = last?.bytes.toString('latin1', 0, SEAL.length) === SEAL
    const place = isSeal ? placeIn(last, 'somewhere') : { byte: null, until: null }
    const why = isSeal ? 'It cannot be read.' : 'It does not end with a seal: it is no evidence pack, or was cut off.'
    found.changed.push({ ...place, where: isSeal ? 'the seal' : 'the file', why })
    return found
  }
  found.key = seal.data.key
  found.changed = changedIn(lines.slice(0, -1), last, seal.data, rest)
  const body = lines.slice(0, -1)
  const placed = parsePack(
    body.map((it) => it.bytes.toString('utf8')),
    body.map((it) => it.at),
  )
  if (!Array.isArray(placed)) {
    found.differs.push({ byte: placed.at, until: null, where: `line ${placed.number}`, why: placed.why })
    return found
  }
  const [first] = placed
  if (first?.line.kind !== 'pack') {
    found.differs.push({ byte: 0, until: null, where: 'line 1', why: 'A pack begins with a line of the kind `pack`.' })
    return found
  }
  found.head = first.line
  recompute(found, placed, found.head)
  return found
}

interface RawLine {
  bytes: Buffer
  at: number
}

/** `rest`: the bytes after the last newline. */
function linesOf(file: Buffer): { lines: RawLine[]; rest: number } {
  const lines: RawLine[] = []
  let at = 0
  for (let end = file.indexOf(NEWLINE); end >= 0; end = file.indexOf(NEWLINE, at)) {
    lines.push({ bytes: file.subarray(at, end), at })
    at = end + 1
  }
  return { lines, rest: file.length - at }
}

function changedIn(body: readonly RawLine[], last: RawLine, seal: Seal, rest: number): PackProblem[] {
  const problems: PackProblem[] = []
  const { digests, key, signature } = seal
  const isSigned = signedBy(key, sealed(digests), signature)
  // Written again, it must be the same: a seal with blanks or other digits of the same signature is another file.
  const exact = Buffer.from(JSON.stringify({ kind: 'seal', digests, key, signature: canonical(signature) }))
  const differs = firstDifference(last.bytes, exact)
  for (const [index, line] of body.entries()) {
    const expected = digests[index]
    if (!expected) {
      problems.push({ ...exactly(line.at), where: `line ${index + 1}`, why: 'The seal does not know this line.' })
      break
    }
    const place = changedByte(line.bytes, expected)
    if (place !== null) problems.push({ ...placeIn(line, place), where: whereIs(index, line), why: 'It was changed.' })
  }
  if (body.length < digests.length)
    problems.push({ ...exactly(last.at), where: `before line ${body.length + 1}`, why: missing(digests, body.length) })
  if (!isSigned || differs !== null)
    problems.push({
      ...(differs === null ? { byte: last.at, until: last.at + last.bytes.length } : exactly(last.at + differs)),
      where: `line ${body.length + 1}, the seal`,
      why: isSigned ? 'It is not written as it was.' : 'The signature is not that of this key over these lines.',
    })
  if (rest > 0)
    problems.push({ ...exactly(last.at + last.bytes.length + 1), where: 'after the seal', why: 'It goes on.' })
  return problems.sort((a, b) => (a.byte ?? 0) - (b.byte ?? 0))
}

function missing(digests: readonly Digest[], have: number): string {
  const count = digests.length - have
  return count === 1 ? 'A line is missing.' : `${count} lines are missing.`
}

/** Base64url has bits that mean nothing in its last digit. */
function canonical(signature: string): string {
  return Buffer.from(signature, 'base64url').toString('base64url')
}

function exactly(byte: number): Pick<PackProblem, 'byte' | 'until'> {
  return { byte, until: null }
}

/** Where in the line. Null: it is as it was. 'somewhere': more than a single byte was changed. */
function changedByte(line: Buffer, [length, hash, sum, weighted]: Digest): number | 'somewhere' | null {
  const now = digestOf(line)
  if (now[1] === hash) return null
  if (now[0] !== length) return 'somewhere'
  // One byte that grew by d at the nth place adds d to the first sum, and n d to the second.
  const difference = modulo(now[2] - sum)
  if (difference === 0) return 'somewhere'
  const grown = difference > DIGEST_MODULUS / 2 ? difference - DIGEST_MODULUS : difference
  for (const [at, byte] of line.entries()) {
    const before = byte - grown
    if (before < 0 || before > 255 || modulo(((at + 1) % DIGEST_MODULUS) * difference) !== modulo(now[3] - weighted))
      continue
    const restored = Buffer.from(line)
    restored[at] = before
    if (digestOf(restored)[1] === hash) return at
  }
  return 'somewhere'
}

function modulo(value: number): number {
  return ((value % DIGEST_MODULUS) + DIGEST_MODULUS) % DIGEST_MODULUS
}

function placeIn({ at, bytes }: RawLine, place: number | 'somewhere'): Pick<PackProblem, 'byte' | 'until'> {
  return place === 'somewhere' ? { byte: at, until: at + bytes.length } : exactly(at + place)
}

function recompute(found: Verified, placed: readonly Placed[], head: Head): void {
  const { differs } = found
  const of = <K extends Line['kind']>(kind: K) =>
    placed.filter((it): it is Placed & { line: LineOf<K> } => it.line.kind === kind)
  const rules = packRules(
    of('rules').map(({ line: { path, text } }) => ({ path, text })),
    head.placeholders,
  )
  checkVersions(found, placed[0]!, head, rules)
  const contracts = of('contract').map(({ line }) => line.contract)
  const ids = new Set(Object.keys(head.rules))
  const events = of('event')
  for (const it of events) {
    const contract = contractOf(it.line.contract, contracts)
    compare(differs, it, { ...it.line, matches: matchesOf(rules, it.line, contract, ids) }, nameOf(it.line))
  }
  const byId = new Map(events.map(({ line }) => [line.event.id, line]))
  const all = findingsAgain(
    rules,
    events.map((it) => it.line),
    contracts,
    head.at,
  )
  const findings: Finding[] = []
  for (const it of of('finding')) {
    const { finding, again } = it.line
    findings.push({ ...finding, events: finding.events.flatMap((id) => byId.get(id)?.event ?? []) })
    const made = all.get(finding.id)
    const isAgain = made !== undefined && JSON.stringify(packed(made)) === JSON.stringify(finding)
    if (again) {
      found.findings.again++
      const expected = made && { ...it.line, finding: packed(made) }
      if (!isAgain) compare(differs, it, expected, `the finding '${finding.title}'`)
    } else {
      found.findings.matched++
      const members = rules.membersOf(finding.rule)
      const odd = finding.events.find((id) => !byId.get(id)?.matches.some((rule) => members.has(rule)))
      if (odd !== undefined || finding.events.length === 0)
        differs.push({
          ...exactly(it.at),
          where: `the finding '${finding.title}'`,
          why: odd === undefined ? 'It names no event.' : `Its rule does not match the event ${odd}.`,
        })
    }
  }
  const [context] = of('context')
  const [assessment] = of('assessment')
  if (!context || !assessment) {
    differs.push({
      byte: null,
      until: null,
      where: 'the file',
      why: 'It has no line of the kind `context` or `assessment`.',
    })
    return
  }
  const inForce = contractOf(context.line.context.contract, contracts)
  const again = explained(head.worker, findings, head.at, { ...context.line.context, contract: inForce })
  compare(differs, assessment, { ...assessment.line, assessment: again }, 'the score')
  found.assessment = again
}

/** The number of what is no contract is as good as none: the event then matches other rules, and differs. */
function contractOf(number: number | null, contracts: readonly Contract[]): Contract | null {
  return number === null ? null : (contracts[number] ?? null)
}

function checkVersions(found: Verified, { at, text }: Placed, head: Head, rules: PackRules): void {
  for (const [id, version] of Object.entries(head.rules)) {
    const now = rules.versions.get(id)
    if (now === version) continue
    const why =
      head.engine === found.engine
        ? now === undefined
          ? 'The pack has no rule with this id.'
          : 'The rule in the pack is another version.'
        : `It was judged by engine ${head.engine}, and this is ${found.engine}.`
    const place = at + Buffer.byteLength(text.slice(0, Math.max(0, text.indexOf(version))))
    found.differs.push({ ...exactly(place), where: `the version of rule ${id}`, why })
  }
}

/** A line against what it must be. */
function compare(problems: PackProblem[], { text, at }: Placed, expected: unknown, where: string): void {
  const bytes = Buffer.from(text)
  const differs = firstDifference(bytes, Buffer.from(expected === undefined ? '' : JSON.stringify(expected)))
  if (differs === null) return
  const why =
    expected === undefined ? 'It does not follow from the events.' : `It should go on with ${next(expected, differs)}.`
  problems.push({ ...exactly(at + differs), where, why })
}

const SHOWN = 40

function next(expected: unknown, from: number): string {
  return `'${Buffer.from(JSON.stringify(expected))
    .subarray(from, from + SHOWN)
    .toString('utf8')}'`
}

/** Null: they are equal. */
function firstDifference(a: Buffer, b: Buffer): number | null {
  if (a.equals(b)) return null
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at++) if (a[at] !== b[at]) return at
  return length
}

function whereIs(index: number, { bytes }: RawLine): string {
  const kind = (jsonIn(bytes.toString('utf8')) as { kind?: unknown } | null | undefined)?.kind
  return typeof kind === 'string' && /^[a-z]+$/.test(kind) ? `line ${index + 1} (${kind})` : `line ${index + 1}`
}

function nameOf({ event }: LineOf<'event'>): string {
  return `the event ${event.category} of ${new Date(event.time).toISOString()}`
}
