/** Contracts, holdings and revocations: who held a laptop at a given time, and which contract they had. */
import { foldName } from '../../../wire/common.ts'
import type { Contract, Device } from '../../../wire/contract.ts'
import type { Event } from '../../../wire/event.ts'
import type { RecordedRevocation } from '../../../wire/recording.ts'
import { type ContractPeriod, holds, periodAt } from './in-force.ts'
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

interface Claim {
  worker: string
  source: string | null
  from: number | null
  to: number | null
}

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
  readonly #contracts = new Subjects<Version[]>(
    {
      save: (versions) => versions.map((it) => it.contract),
      load: (state) => (state as Contract[]).map((contract) => ({ contract, period: null })),
    },
    (worker, versions) => this.#indexAccounts(worker, versions),
  )
  readonly #devices = new Subjects<Device[]>(undefined, (_, holdings) => {
    for (const it of holdings) this.#index(it)
  })
  readonly #revocations = new Subjects<Revocation[]>()
  /** By worker, all laptops they ever held. */
  readonly #devicesOf = new Map<string, string[]>()
  /** By account, who claims it. Follows from the contracts, as `#accountsOf`. */
  readonly #claims = new Map<string, Claim[]>()
  readonly #accountsOf = new Map<string, string[]>()
  /** By id, serial number and host name in lower case, the laptop; null: several have it. */
  readonly #deviceNames = new Map<string, string | null>()

  /** The last answer of `contextOf`, by laptop. */
  readonly #contexts = new Map<string, DeviceContext>()

  /** Increases with every contract version and assignment that is added. */
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

  addContract(recorded: Contract): void {
    const contract = folded(recorded)
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
    this.#indexAccounts(contract.worker, kept)
  }

  addDevice(recorded: Device): void {
    this.revision++
    const { worker } = recorded
    const isFolded = worker === null || worker === foldName(worker)
    const device = isFolded ? recorded : { ...recorded, worker: foldName(worker) }
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

  /**
   * Whose account it is: the worker of that name, or the one whose contract claims it. Of an account that nobody has, or
   * that several claim, the account itself. `source`: the feed that says it; null: not known.
   *
   * Shape   every version of a contract counts, so that an account that is declared later claims earlier events. Without
   *         a source, a claim does not take the name of somebody who has a contract or a laptop.
   */
  workerOf(account: string, source: string | null, time: number): string {
    const name = foldName(account)
    const claims = this.#claims.get(name)
    if (!claims) return name
    const isOwn = this.isWorker(name)
    const fits = (it: Claim) => {
      if (it.worker === name || !holds(it, time)) return false
      return it.source === null || source === null ? !isOwn : isSource(it.source, source)
    }
    const workers = new Set(claims.filter(fits).map((it) => it.worker))
    const [only] = workers
    return workers.size === 1 ? only! : name
  }

  /** As `workerOf`, of an account in any feed at any time. */
  ownerOf(account: string): string {
    const claims = this.#claims.get(account)
    if (!claims || this.isWorker(account)) return account
    const workers = new Set(claims.map((it) => it.worker))
    const [only] = workers
    return workers.size === 1 ? only! : account
  }

  /** The other names of the worker. */
  accountsOf(worker: string): readonly string[] {
    return this.#accountsOf.get(worker) ?? []
  }

  /** Whether there is a contract or a laptop in this name. */
  isWorker(name: string): boolean {
    return this.#contracts.has(name) || this.#devicesOf.has(name)
  }

  /** The laptop with this id, serial number or host name, in any case; null: not on the roster, or several. */
  deviceNamed(name: string): string | null {
    return this.#devices.has(name) ? name : (this.#deviceNames.get(foldName(name.trim())) ?? null)
  }

  /** All workers with a contract or a laptop. */
  workers(): string[] {
    const named = new Set(this.#contracts.keys())
    for (const holdings of this.#devices.values())
      for (const { worker } of holdings) if (worker !== null) named.add(worker)
    return [...named]
  }

  #indexAccounts(worker: string, versions: readonly Version[]): void {
    const entries = versions.flatMap(({ contract }) => contract.accounts ?? [])
    const before = this.#accountsOf.get(worker) ?? []
    if (entries.length + before.length === 0) return
    for (const account of before) {
      const others = this.#claims.get(account)?.filter((it) => it.worker !== worker) ?? []
      if (others.length > 0) this.#claims.set(account, others)
      else this.#claims.delete(account)
    }
    for (const { account, source, from, to } of entries) {
      const name = foldName(account)
      const claim = { worker, source: source ? foldName(source) : null, from: from ?? null, to: to ?? null }
      this.#claims.set(name, [...(this.#claims.get(name) ?? []), claim])
    }
    this.#accountsOf.set(worker, [...new Set(entries.map((it) => foldName(it.account)))].sort())
  }

  #index({ device, worker, serial, hostName }: Device): void {
    for (const name of [device, serial, hostName]) {
      if (!name) continue
      const key = foldName(name.trim())
      const known = this.#deviceNames.get(key)
      this.#deviceNames.set(key, known === undefined || known === device ? device : null)
    }
    if (worker === null) return
    const known = this.#devicesOf.get(worker) ?? []
    // Sorted, so that their order of arrival makes no difference.
    if (!known.includes(device)) this.#devicesOf.set(worker, [...known, device].sort())
  }
}

/** The feed that an event came from: 'okta' of the collector 'feed:okta'; null: a recording that does not say. */
export function sourceOf(event: Event): string | null {
  const source = foldName(event.collector).replace(/^feed:?/, '')
  return source === '' ? null : source
}

/** 'okta' stands for 'okta' and 'okta-eu'. */
function isSource(declared: string, source: string): boolean {
  return source === declared || (source.startsWith(declared) && /^[._-]/.test(source.slice(declared.length)))
}

/** With names in the form in which they are compared, also of a log that was written before there was one. */
function folded(contract: Contract): Contract {
  const { worker, household, referredBy } = contract
  const names = [worker, referredBy ?? '', ...(household ?? []).map((it) => (typeof it === 'string' ? it : it.worker))]
  if (names.every((it) => it === foldName(it))) return contract
  return {
    ...contract,
    worker: foldName(worker),
    household: household?.map((it) => (typeof it === 'string' ? foldName(it) : { ...it, worker: foldName(it.worker) })),
    referredBy: referredBy && foldName(referredBy),
  }
}
