/** What is known beside an event: who held the laptop, and what was agreed with them, at that moment. */
import type { Contract, Device } from '../../../wire/contract.ts'
import { type Piece, pieceAt } from './in-force.ts'
import { type Keeper, type Parts, Subjects, single } from './kept.ts'

export { holds } from './in-force.ts'

/** What is known beside an event on a laptop, from `since` until `until`. */
export interface Beside extends Span {
  device: string
  worker: string | null
  contract: Contract | null
  firstBoot: number | null
}

interface Span {
  since: number
  until: number
}

interface Version {
  contract: Contract
  /** What was asked for last. */
  piece: Piece | null
}

/**
 * Shape   contracts by worker and holdings by device, each in time order; the lists are short (versions, hand-overs).
 * Errors  unknown is null, never a default.
 */
export class World implements Keeper {
  readonly #contracts = new Subjects<Version[]>({
    save: (versions) => versions.map((it) => it.contract),
    load: (state) => (state as Contract[]).map((contract) => ({ contract, piece: null })),
  })
  readonly #devices = new Subjects<Device[]>(undefined, (_, holdings) => {
    for (const it of holdings) this.#index(it)
  })
  /** By worker, every laptop they ever held. */
  readonly #devicesOf = new Map<string, string[]>()

  /** What was asked for last of each laptop. */
  readonly #beside = new Map<string, Beside>()

  /** Goes up with every contract version that is added. */
  revision = 0

  readonly kept: Parts = {
    contracts: this.#contracts,
    devices: this.#devices,
    revision: single(
      () => this.revision,
      (state) => {
        this.revision = state
      },
    ),
  }

  addContract(contract: Contract): void {
    this.revision++
    this.#beside.clear()
    const versions = this.#contracts.get(contract.worker) ?? []
    // The same `from` again replaces: an import that is run twice changes nothing.
    const kept = versions.filter((it) => it.contract.from !== contract.from)
    kept.push({ contract, piece: null })
    this.#contracts.set(
      contract.worker,
      kept.sort((a, b) => a.contract.from - b.contract.from),
    )
  }

  addDevice(device: Device): void {
    this.#beside.clear()
    this.#index(device)
    const holdings = this.#devices.get(device.device) ?? []
    const kept = holdings.filter((it) => it.from !== device.from)
    kept.push(device)
    this.#devices.set(
      device.device,
      kept.sort((a, b) => a.from - b.from),
    )
  }

  /** Who held the laptop at `time`, with what. The same as of each alone, and mostly known from the event before. */
  besideOf(device: string, time: number): Beside {
    const known = this.#beside.get(device)
    if (known && known.since <= time && time < known.until) return known
    const [held, terms] = [this.#holdingSpan(device, time), this.#contractSpan(this.holderAt(device, time), time)]
    const beside = {
      // One text for one laptop: maps find it quicker than an equal one.
      device: known?.device ?? device,
      worker: this.holderAt(device, time),
      contract: terms.contract,
      firstBoot: this.firstBoot(device),
      since: Math.max(held.since, terms.since),
      until: Math.min(held.until, terms.until),
    }
    this.#beside.set(beside.device, beside)
    return beside
  }

  /** What held for `worker` at `time`, without what had lapsed or not begun; null when no version is known. */
  contractAt(worker: string | null, time: number): Contract | null {
    const version =
      worker === null ? undefined : this.#contracts.get(worker)?.findLast((it) => it.contract.from <= time)
    if (!version) return null
    // Events mostly come in order, so the piece asked for last is nearly always the one.
    if (!version.piece || time < version.piece.since || time >= version.piece.until)
      version.piece = pieceAt(version.contract, time)
    return version.piece.contract
  }

  /** Every version of a worker's contract, as it was written, oldest first. */
  versionsOf(worker: string): Contract[] {
    return (this.#contracts.get(worker) ?? []).map((it) => it.contract)
  }

  latestContract(worker: string): Contract | null {
    return this.#contracts.get(worker)?.at(-1)?.contract ?? null
  }

  /** Who held `device`, and when, oldest first. */
  holdingsOf(device: string): Device[] {
    return [...(this.#devices.get(device) ?? [])]
  }

  /**
   * Who held `device` at `time`. An event from before the first holding belongs to the first holder: a laptop's clock
   * may lag, and what happened before enrolment happened on the way to them.
   */
  holderAt(device: string, time: number): string | null {
    const holdings = this.#devices.get(device)
    if (!holdings) return null
    const held = holdings.findLast((it) => it.from <= time) ?? holdings[0]
    return held && (held.to === null || time < held.to) ? held.worker : null
  }

  /** How long around `time` the answer of `holderAt` is the same. */
  #holdingSpan(device: string, time: number): Span {
    const holdings = this.#devices.get(device) ?? []
    const index = Math.max(
      0,
      holdings.findLastIndex((it) => it.from <= time),
    )
    const since = index === 0 ? Number.NEGATIVE_INFINITY : holdings[index]!.from
    const until = holdings[index + 1]?.from ?? Number.POSITIVE_INFINITY
    const to = holdings[index]?.to ?? Number.POSITIVE_INFINITY
    return time < to ? { since, until: Math.min(until, to) } : { since: Math.max(since, to), until }
  }

  /** What `contractAt` answers, and how long around `time`. */
  #contractSpan(worker: string | null, time: number): Span & { contract: Contract | null } {
    const contract = this.contractAt(worker, time)
    const versions = worker === null ? [] : (this.#contracts.get(worker) ?? [])
    const index = versions.findLastIndex((it) => it.contract.from <= time)
    const [now, next] = [versions[index], versions[index + 1]]
    const since = Math.max(
      now?.contract.from ?? Number.NEGATIVE_INFINITY,
      now?.piece?.since ?? Number.NEGATIVE_INFINITY,
    )
    const until = Math.min(
      next?.contract.from ?? Number.POSITIVE_INFINITY,
      now?.piece?.until ?? Number.POSITIVE_INFINITY,
    )
    return { contract, since, until }
  }

  /** Every laptop the worker ever held. */
  devicesOf(worker: string): readonly string[] {
    return this.#devicesOf.get(worker) ?? []
  }

  firstBoot(device: string): number | null {
    return this.#devices.get(device)?.find((it) => it.firstBoot != null)?.firstBoot ?? null
  }

  /** Everybody a contract or a laptop names. */
  workers(): string[] {
    const named = new Set(this.#contracts.keys())
    for (const holdings of this.#devices.values())
      for (const { worker } of holdings) if (worker !== null) named.add(worker)
    return [...named]
  }

  #index({ device, worker }: Device): void {
    if (worker === null) return
    const known = this.#devicesOf.get(worker) ?? []
    // In order of name, so that the order they came in makes no difference.
    if (!known.includes(device)) this.#devicesOf.set(worker, [...known, device].sort())
  }
}
