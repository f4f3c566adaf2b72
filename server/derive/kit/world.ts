/** Contracts, holdings and revocations: who held a laptop at a given time, and which contract they had. */
import type { Contract, Device } from '../../../wire/contract.ts'
import type { RecordedRevocation } from '../../../wire/recording.ts'
import { type ContractPeriod, periodAt } from './in-force.ts'
import { type Keeper, type Parts, Subjects, single } from './kept.ts'

export { holds } from './in-force.ts'

/** The context of a laptop's events from `since` until `until`. */
export interface DeviceContext extends Span {
  device: string
  worker: string | null
  contract: Contract | null
  firstBoot: number | null
}

interface Span {
  since: number
  until: number
}

/** The server refused the laptop from `from` on, until it was enrolled again at `to`; null: not yet. */
export type Revocation = Pick<RecordedRevocation, 'device' | 'from' | 'to'>

interface Version {
  contract: Contract
  /** The last answer of `contractAt`. */
  period: ContractPeriod | null
}

/**
 * Shape   contracts by worker, holdings and revocations by device, each in time order; the lists are short.
 * Errors  unknown is null, never a default.
 */
export class World implements Keeper {
  readonly #contracts = new Subjects<Version[]>({
    save: (versions) => versions.map((it) => it.contract),
    load: (state) => (state as Contract[]).map((contract) => ({ contract, period: null })),
  })
  readonly #devices = new Subjects<Device[]>(undefined, (_, holdings) => {
    for (const it of holdings) this.#index(it)
  })
  readonly #revocations = new Subjects<Revocation[]>()
  /** By worker, all laptops they ever held. */
  readonly #devicesOf = new Map<string, string[]>()

  /** The last answer of `contextOf`, by laptop. */
  readonly #contexts = new Map<string, DeviceContext>()

  /** Increases with every contract version that is added. */
  revision = 0

  readonly kept: Parts = {
    contracts: this.#contracts,
    devices: this.#devices,
    revocations: this.#revocations,
    revision: single(
      () => this.revision,
      (state) => {
        this.revision = state
      },
    ),
  }

  addContract(contract: Contract): void {
    this.revision++
    this.#contexts.clear()
    const versions = this.#contracts.get(contract.worker) ?? []
    // A version with the same `from` is replaced, so that running an import twice changes nothing.
    const kept = versions.filter((it) => it.contract.from !== contract.from)
    kept.push({ contract, period: null })
    this.#contracts.set(
      contract.worker,
      kept.sort((a, b) => a.contract.from - b.contract.from),
    )
  }

  addDevice(device: Device): void {
    this.#contexts.clear()
    this.#index(device)
    const holdings = this.#devices.get(device.device) ?? []
    const kept = holdings.filter((it) => it.from !== device.from)
    kept.push(device)
    this.#devices.set(
      device.device,
      kept.sort((a, b) => a.from - b.from),
    )
  }

  addRevocation({ device, from, to }: Revocation): void {
    const known = this.revocationsOf(device)
    // The record of the end also says when it began, and may arrive first.
    if (known.some((it) => it.from === from && it.to !== null)) return
    const kept = known.filter((it) => it.from !== from)
    kept.push({ device, from, to })
    this.#revocations.set(
      device,
      kept.sort((a, b) => a.from - b.from),
    )
  }

  /** The revocations of `device`, oldest first. */
  revocationsOf(device: string): Revocation[] {
    return [...(this.#revocations.get(device) ?? [])]
  }

  /** Those that have not ended. */
  openRevocations(): Revocation[] {
    return [...this.#revocations.values()].flatMap((all) => all.filter((it) => it.to === null))
  }

  /** Holder, contract and first boot of the laptop at `time`; usually cached from the previous event. */
  contextOf(device: string, time: number): DeviceContext {
    const known = this.#contexts.get(device)
    if (known && known.since <= time && time < known.until) return known
    const [held, terms] = [this.#holdingSpan(device, time), this.#contractSpan(this.holderAt(device, time), time)]
    const context = {
      // The same string object for one laptop: maps find it faster than an equal string.
      device: known?.device ?? device,
      worker: this.holderAt(device, time),
      contract: terms.contract,
      firstBoot: this.firstBoot(device),
      since: Math.max(held.since, terms.since),
      until: Math.min(held.until, terms.until),
    }
    this.#contexts.set(context.device, context)
    return context
  }

  /** The contract in force for `worker` at `time`, without what had ended or not begun; null: no version is known. */
  contractAt(worker: string | null, time: number): Contract | null {
    const version =
      worker === null ? undefined : this.#contracts.get(worker)?.findLast((it) => it.contract.from <= time)
    if (!version) return null
    // Events mostly arrive in order, so the last answer nearly always applies.
    if (!version.period || time < version.period.since || time >= version.period.until)
      version.period = periodAt(version.contract, time)
    return version.period.contract
  }

  /** All versions of a worker's contract as recorded, oldest first. */
  versionsOf(worker: string): Contract[] {
    return (this.#contracts.get(worker) ?? []).map((it) => it.contract)
  }

  latestContract(worker: string): Contract | null {
    return this.#contracts.get(worker)?.at(-1)?.contract ?? null
  }

  /** The holdings of `device`, oldest first. */
  holdingsOf(device: string): Device[] {
    return [...(this.#devices.get(device) ?? [])]
  }

  /**
   * The holder of `device` at `time`. An event from before the first holding belongs to the first holder: the laptop's
   * clock may be slow, or the laptop was on its way to them.
   */
  holderAt(device: string, time: number): string | null {
    const holdings = this.#devices.get(device)
    if (!holdings) return null
    const held = holdings.findLast((it) => it.from <= time) ?? holdings[0]
    return held && (held.to === null || time < held.to) ? held.worker : null
  }

  /** The period around `time` in which `holderAt` returns the same. */
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

  /** The answer of `contractAt`, and the period around `time` in which it is the same. */
  #contractSpan(worker: string | null, time: number): Span & { contract: Contract | null } {
    const contract = this.contractAt(worker, time)
    const versions = worker === null ? [] : (this.#contracts.get(worker) ?? [])
    const index = versions.findLastIndex((it) => it.contract.from <= time)
    const [now, next] = [versions[index], versions[index + 1]]
    const since = Math.max(
      now?.contract.from ?? Number.NEGATIVE_INFINITY,
      now?.period?.since ?? Number.NEGATIVE_INFINITY,
    )
    const until = Math.min(
      next?.contract.from ?? Number.POSITIVE_INFINITY,
      now?.period?.until ?? Number.POSITIVE_INFINITY,
    )
    return { contract, since, until }
  }

  /** All laptops the worker ever held. */
  devicesOf(worker: string): readonly string[] {
    return this.#devicesOf.get(worker) ?? []
  }

  firstBoot(device: string): number | null {
    return this.#devices.get(device)?.find((it) => it.firstBoot != null)?.firstBoot ?? null
  }

  /** All workers with a contract or a laptop. */
  workers(): string[] {
    const named = new Set(this.#contracts.keys())
    for (const holdings of this.#devices.values())
      for (const { worker } of holdings) if (worker !== null) named.add(worker)
    return [...named]
  }

  #index({ device, worker }: Device): void {
    if (worker === null) return
    const known = this.#devicesOf.get(worker) ?? []
    // Sorted, so that their order of arrival makes no difference.
    if (!known.includes(device)) this.#devicesOf.set(worker, [...known, device].sort())
  }
}
