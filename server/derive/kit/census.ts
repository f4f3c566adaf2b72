/**
 * What the fleet has in common, so that the company can say once what is its own: tools with their tenants, exits by
 * network, monitors and USB devices, programs that install others, code hosts.
 *
 * Shape   counts workers by kind and value. During the learning period (from the first laptop or login of the log until
 *         a person ends it, as they are asked to after `LEARNING_DAYS`), a tool that a third of the workers have, five at least, is `common`:
 *         it weighs as context only. What was common when the period ended stays so for the events of that time; later
 *         only an approval lowers anything.
 *         A function of the set of records, as long as none arrives later than the lateness bound.
 * Memory  per worker two days for each value, `MAX_VALUES` of a kind at most: the alphabetically first, so that their
 *         order of arrival makes no difference. Per value a label.
 */
import type { ToolCategory } from '../../../rules/catalogue/categories.ts'
import type { Learning } from '../../../wire/contract.ts'
import type { EventOf } from '../../../wire/event.ts'
import { DAY } from '../../../wire/time.ts'
import type { CensusKind } from './census-kinds.ts'
import type { Sighting } from './installations.ts'
import { mapCodec, type Parts, Subjects, single } from './kept.ts'
import { tenantsIn } from './tenant.ts'

/** It does not end by itself: on that day half a company would become suspects while nobody looks. */
export const LEARNING_DAYS = 14
/** Our judgement: what most people have is the company's, what five of a hundred have may be a farm's. */
const COMMON_SHARE = 1 / 3
const COMMON_WORKERS = 5
const MAX_VALUES = 64
const MAX_LABEL = 128
/** A worker counts as having what was seen within this many days. */
const CURRENT_DAYS = 30

/** Tools that companies run on all laptops. Others are nobody's own, however many have them. */
const COMPANY_TOOLS: ReadonlySet<string> = new Set<ToolCategory>([
  ...(['remote-desktop', 'remote-support', 'rmm-agent', 'vnc', 'remote-shell', 'builtin', 'screen-sharing'] as const),
  ...(['software-kvm', 'tunnel', 'mesh-vpn', 'corporate-vpn', 'generic-vpn'] as const),
])

/** First and last time, by the server's clock: a laptop's may be years off. */
type Span = [first: number, last: number]

/** A record, as derivers see it. */
export interface CensusSighting extends Sighting {
  worker: string | null
  connection: { geo: Exit } | null
}
interface Exit {
  asn: number | null
  asName?: string | null | undefined
  class: string
}

export interface Counted {
  kind: CensusKind
  /** A tool's id, an AS number, 'capture 534d:2109', 'DEL 0x40f4', '046d:c52b', a program's name, 'github.com/acme'. */
  value: string
  label: string
  /** Of a tool: what its events show. */
  tenant: string | null
  workers: number
  of: number
  /** Their names, in order. */
  having: string[]
  /** When the first of them was first seen with it. */
  since: number
}

export interface LearningPeriod {
  from: number
  /** When people are asked to end it. */
  due: number
  /** Null: nobody has ended it. */
  until: number | null
  saidBy: string | null
}

export class Census {
  readonly #workers = new Subjects<Map<string, Span>>(mapCodec(), (worker, values) => {
    for (const value of values.keys()) this.#index(worker, value)
  })
  readonly #labels = new Subjects<string>()
  /** When each worker was first heard of, by a laptop or a login. */
  readonly #since = new Subjects<number>(undefined, (_, since) => {
    this.#from = Math.min(this.#from, since)
  })
  #from = Number.POSITIVE_INFINITY
  /** By value, who has it; follows from `#workers`. */
  readonly #having = new Map<string, Set<string>>()
  #learning: Learning | null = null
  /** Values that are common, as of the last `advance`. */
  #common: ReadonlySet<string> = new Set()
  #isStale = true

  readonly kept: Parts = {
    workers: this.#workers,
    labels: this.#labels,
    since: this.#since,
    learning: single(
      () => this.#learning,
      (state) => {
        this.#learning = state
      },
    ),
    common: single(
      () => [...this.#common].sort(),
      (state) => {
        this.#common = new Set(state)
      },
    ),
  }

  take(seen: CensusSighting): void {
    const { worker, receivedAt: time, conflict } = seen
    if (worker === null || conflict) return
    const known = this.#since.get(worker)
    if (known === undefined || time < known) {
      this.#since.set(worker, time)
      this.#from = Math.min(this.#from, time)
      this.#isStale = true
    }
    for (const [kind, value, label] of valuesIn(seen)) this.#add(worker, `${kind} ${value}`, label, time)
  }

  addLearning(record: Learning): void {
    const before = this.#learning
    const isLater = !before || record.saidAt > before.saidAt
    if (!isLater && !(record.saidAt === before.saidAt && record.until < before.until)) return
    this.#learning = {
      until: record.until,
      saidAt: record.saidAt,
      saidBy: record.saidBy,
      reason: record.reason ?? null,
    }
    this.#isStale = true
  }

  /** The workers who were heard of. */
  workers(): string[] {
    return [...this.#since.keys()]
  }

  /** True when what is common has changed. */
  advance(): boolean {
    if (!this.#isStale) return false
    this.#isStale = false
    const common = this.#commonNow()
    if (common.size === this.#common.size && [...common].every((it) => this.#common.has(it))) return false
    this.#common = common
    return true
  }

  /** Null: nothing was heard yet. */
  period(): LearningPeriod | null {
    const from = this.#from
    if (from === Number.POSITIVE_INFINITY) return null
    const { until = null, saidBy = null } = this.#learning ?? {}
    return { from, due: from + LEARNING_DAYS * DAY, until, saidBy }
  }

  /** Whether a tool was common in the learning period, and `time` lies in it. `tenants`: all that are to be common too. */
  isCommon(tool: { id: string; category: string }, tenants: readonly string[], time: number): boolean {
    if (!COMPANY_TOOLS.has(tool.category) || !this.#common.has(`tool ${tool.id}`)) return false
    const period = this.period()
    if (!period || time >= endOf(period)) return false
    return tenants.every((it) => this.#common.has(`tool ${tool.id} ${it}`))
  }

  /** What at least `least` workers have at `now`, or had in its learning period; most common first. */
  counts(now: number, least: number): Counted[] {
    const of = this.#since.size
    const found: Counted[] = []
    for (const [key, workers] of this.#having) {
      const spans = [...workers].map((it) => [it, this.#workers.get(it)!.get(key)!] as const)
      const current = spans.filter(([, [, last]]) => last > now - CURRENT_DAYS * DAY)
      if (current.length < least) continue
      const [, kind = '', value = '', tenant = null] = /^(\S+) (\S+)(?: (.*))?$/s.exec(key) ?? []
      found.push({
        kind: kind as CensusKind,
        ...(kind === 'tool' ? { value, tenant } : { value: key.slice(kind.length + 1), tenant: null }),
        label: this.#labels.get(key) ?? value,
        workers: current.length,
        of,
        having: current.map(([it]) => it).sort(),
        since: Math.min(...current.map(([, [first]]) => first)),
      })
    }
    return found.sort((a, b) => b.workers - a.workers || (`${a.kind} ${a.value}` < `${b.kind} ${b.value}` ? -1 : 1))
  }

  #commonNow(): Set<string> {
    const common = new Set<string>()
    const period = this.period()
    if (!period) return common
    const end = endOf(period)
    const early = new Set<string>()
    for (const [worker, since] of this.#since) if (since < end) early.add(worker)
    const least = Math.max(COMMON_WORKERS, early.size * COMMON_SHARE)
    for (const [key, workers] of this.#having) {
      if (!key.startsWith('tool ') || workers.size < least) continue
      let count = 0
      for (const it of workers) if (this.#workers.get(it)!.get(key)![0] < end) count++
      if (count >= least) common.add(key)
    }
    return common
  }

  #add(worker: string, key: string, label: string | null, time: number): void {
    const values = this.#workers.ensure(worker, () => new Map())
    const span = values.get(key)
    // The day is enough, and spares a write for each event.
    if (span && time >= span[0] && time < span[1] + DAY) return
    if (span) {
      values.set(key, [Math.min(span[0], time), Math.max(span[1], time)])
      if (time < span[0]) this.#isStale = true
    } else {
      values.set(key, [time, time])
      this.#index(worker, key)
      this.#isStale = true
      this.#bound(worker, values, key)
    }
    this.#workers.touch(worker)
    const text = label?.slice(0, MAX_LABEL) ?? ''
    const known = this.#labels.get(key)
    // Laptops may name one thing differently: the alphabetically first name, so that their order makes no difference.
    if (text !== '' && (known === undefined || text < known) && this.#having.has(key)) this.#labels.set(key, text)
  }

  #bound(worker: string, values: Map<string, Span>, added: string): void {
    const kind = added.slice(0, added.indexOf(' ') + 1)
    const same = [...values.keys()].filter((it) => it.startsWith(kind))
    if (same.length <= MAX_VALUES) return
    const last = same.sort().at(-1)!
    values.delete(last)
    const having = this.#having.get(last)
    having?.delete(worker)
    if (having?.size !== 0) return
    this.#having.delete(last)
    this.#labels.delete(last)
  }

  #index(worker: string, key: string): void {
    this.#having.set(key, (this.#having.get(key) ?? new Set()).add(worker))
  }
}

function endOf({ until }: LearningPeriod): number {
  return until ?? Number.POSITIVE_INFINITY
}

type Value = readonly [kind: CensusKind, value: string, label: string | null]
const NOTHING: readonly Value[] = []

/** Exits that are nobody's home. */
const SHARED: ReadonlySet<string> = new Set([
  'sase',
  'vpn',
  'hosting',
  'corporate',
  'private_relay',
  'satellite',
  'tor',
])
const SYSTEM_USERS: ReadonlySet<string> = new Set(['root', 'system', 'nt authority\\system', 'localsystem'])

function valuesIn({ event, connection, peer, facts }: CensusSighting): readonly Value[] {
  if (connection) return exitOf(connection.geo)
  if (!event) return NOTHING
  switch (event.category) {
    case 'idp_login':
      return peer ? exitOf(peer) : NOTHING
    case 'display':
      if (event.Action === 'removed' || event.Internal || event.MakerId === null) return NOTHING
      return [['display', `${event.MakerId} ${event.ProductCode ?? ''}`.trim(), event.MonitorName]]
    case 'usb_device':
      if (event.Action === 'removed') return NOTHING
      return usbIn(event, facts)
    case 'repository':
      if (event.Host === null) return NOTHING
      return [
        [
          'repository',
          [event.Host, event.Namespace]
            .filter((it) => it !== null)
            .join('/')
            .toLowerCase(),
          null,
        ],
      ]
    case 'software':
      if (event.Action === 'removed') return NOTHING
  }
  if (!facts?.tools) return NOTHING
  const shown = tenantsIn(event)
  const tools = facts.tools.flatMap(({ id, name }): Value[] => [
    ['tool', id, name],
    ...shown.map((it): Value => ['tool', `${id} ${it}`, name]),
  ])
  const parent = event.category === 'process_creation' ? parentOf(event) : null
  return parent === null ? tools : [...tools, ['management', parent, null]]
}

/** The device by its ids, and what the catalogue takes it for: a dock may look like a capture card. */
function usbIn(
  { VendorId, ProductId, ProductName }: EventOf<'usb_device'>,
  facts: CensusSighting['facts'],
): readonly Value[] {
  const ids = `${VendorId}:${ProductId}`.toLowerCase()
  const known = facts?.hardware?.map(({ kind, name }): Value => ['hardware', `${kind} ${ids}`, name]) ?? NOTHING
  return [['usb', ids, ProductName], ...known]
}

function exitOf({ asn, asName, class: networkClass }: Exit): readonly Value[] {
  return asn === null || !SHARED.has(networkClass) ? NOTHING : [['exit', String(asn), asName ?? null]]
}

/** The program that started a known tool as the system: what installs and runs it. */
function parentOf({ User, ParentImage }: { User: string | null; ParentImage: string | null }): string | null {
  if (User === null || ParentImage === null || !SYSTEM_USERS.has(User.toLowerCase())) return null
  return ParentImage.split(/[\\/]/).at(-1)?.toLowerCase() || null
}
