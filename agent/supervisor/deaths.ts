/**
 * What the agent remembers of the runs before this one, to come back carefully after it died.
 *
 * Shape   running.json exists while the agent runs, and says how far it came: 'opening' its spool, 'running', or
 *         'settled' after `SETTLED_MS`. A clean stop removes it, so if it is there at a start, the agent died. Deaths
 *         before it settled are counted until it settles or stops cleanly.
 *         While that count is above zero, looks.json names the collectors at work whenever one begins or ends. It is
 *         not synced: it must outlive this process, not the system.
 *   1 death   collectors start after a random pause of up to 5 s, and are watched
 *   2         10 s, and so on up to 10 min; collectors that were at work at the last death are banned for a day
 *   3         only `MINIMUM` runs until the agent has settled; a spool that was being opened each time is set aside
 * Errors  what cannot be read is a first start. A disk that cannot be written loses the memory, and nothing else.
 */
import { closeSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import * as z from 'zod'
import { MINUTE } from '../../wire/time.ts'
import { attempt } from '../attempt.ts'
import { readJson, writeFileAtomically } from '../config.ts'
import { type Backoff, backoffMs } from '../uplink/backoff.ts'

export const SETTLED_MS = 10 * MINUTE
export const RESTARTS: Backoff = { baseMs: 5_000, capMs: 10 * MINUTE }
const FEW = 3
const MAX_DEATHS = 1_000
/** Collectors that read only what the kernel keeps in its memory. */
export const MINIMUM: ReadonlySet<string> = new Set([
  'processes',
  'connections',
  'network-places',
  'clock-places',
  'power',
])

const Running = z.object({
  bootId: z.string().nullable(),
  phase: z.enum(['opening', 'running', 'settled']).default('running'),
  /** Deaths before this run, one after another, none of which had settled. */
  deaths: z.int().min(0).max(MAX_DEATHS).default(0),
})
type Phase = z.infer<typeof Running>['phase']

export interface DeathPaths {
  running: string
  looks: string
  spool: string
}

/** What happened to the previous run; null: it stopped cleanly, or there was none. */
export interface Death {
  bootId: string | null
  phase: Phase
  /** At work when it died, if that was watched. */
  collectors: readonly string[]
}

export class Deaths {
  readonly last: Death | null
  /** Deaths one after another, none of which had settled, including the last one. */
  readonly count: number
  readonly #paths: DeathPaths
  readonly #bootId: string | null
  #looks: number | null = null
  #written = ''

  /** Only reads: another agent may run here. `isCareful` false: it comes back at once with everything, however often it died. */
  constructor(paths: DeathPaths, bootId: string | null, isCareful = true) {
    this.#paths = paths
    this.#bootId = bootId
    const before = attempt(() => readJson(paths.running, Running))
    this.last = before && { bootId: before.bootId, phase: before.phase, collectors: namesIn(paths.looks) }
    this.count =
      !isCareful || before === null || before.phase === 'settled' ? 0 : Math.min(MAX_DEATHS, before.deaths + 1)
  }

  /** How long to wait before collectors start. `random`: 0 to 1. */
  pauseMs(random: () => number): number {
    return this.count === 0 ? 0 : backoffMs(this.count - 1, random, RESTARTS)
  }

  /** Those to ban before anything runs. */
  get guilty(): readonly string[] {
    return this.count >= 2 ? (this.last?.collectors ?? []) : []
  }

  get isMinimum(): boolean {
    return this.count >= FEW
  }

  /** Whether the spool itself ends the agent: it died each time while that was opened. */
  get isSpoolGuilty(): boolean {
    return this.count >= FEW && this.last?.phase === 'opening'
  }

  /** Moves the spool out of the way. Its new path; null if that fails. */
  setSpoolAside(now: number): string | null {
    const aside = `${this.#paths.spool}.aside-${now}`
    return attempt(() => {
      renameSync(this.#paths.spool, aside)
      return aside
    })
  }

  reached(phase: Phase): void {
    const deaths = phase === 'settled' ? 0 : this.count
    attempt(() =>
      writeFileAtomically(
        this.#paths.running,
        JSON.stringify({ bootId: this.#bootId, pid: process.pid, phase, deaths }),
      ),
    )
    if (phase === 'settled') this.#forgetLooks()
  }

  /** The collectors at work now. Written only after a death. */
  atWork(names: readonly string[]): void {
    if (this.count === 0) return
    const text = JSON.stringify(names)
    if (text === this.#written) return
    this.#written = text
    attempt(() => {
      this.#looks ??= openSync(this.#paths.looks, 'w', 0o600)
      // Of one length, so that no rest of a longer text is left behind.
      writeSync(this.#looks, text.padEnd(4_096), 0)
    })
  }

  /** A clean end: nothing is remembered. */
  forget(): void {
    this.#forgetLooks()
    attempt(() => rmSync(this.#paths.running, { force: true }))
  }

  #forgetLooks(): void {
    if (this.#looks !== null) closeSync(this.#looks)
    this.#looks = null
    attempt(() => rmSync(this.#paths.looks, { force: true }))
  }
}

function namesIn(path: string): readonly string[] {
  return (
    attempt(() =>
      z
        .array(z.string().max(64))
        .max(64)
        .parse(JSON.parse(readFileSync(path, 'utf8'))),
    ) ?? []
  )
}
