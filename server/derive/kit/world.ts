/** Contracts, holdings and revocations: who held a laptop at a given time, and which contract they had. */
import { toolIdOf } from '../../../rules/catalogue/tool-names.ts'
import { foldName } from '../../../wire/common.ts'
import type { Approval, Contract, Device } from '../../../wire/contract.ts'
import type { Event } from '../../../wire/event.ts'
import type { RecordedRevocation } from '../../../wire/recording.ts'
import { replaces, withApprovals } from './approvals.ts'
import { Census, type CensusSighting } from './census.ts'
import { DrivenLaptops } from './driven-laptops.ts'
import { type ContractPeriod, holds, periodAt } from './in-force.ts'
import { Installations } from './installations.ts'
import { type Keeper, type Parts, prefixed, Subjects, single } from './kept.ts'
import { isApprovedTool, tenantsIn } from './tenant.ts'

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
  /** The last answer of `contractAt`, with the approvals as of `approvals`. */
  period: ContractPeriod | null
  approvals: number
}

/** Whose contract, laptop or tools are known differently from now on. Both null: everybody's. */
export interface Changed {
  worker: string | null
  device: string | null
}

/**
 * Shape   contracts by worker, holdings and revocations by device, each in time order; the lists are short.
 * Errors  unknown is null, never a default.
 */
export class World implements Keeper {
  readonly #contracts = new Subjects<Version[]>(
    {
      save: (versions) => versions.map((it) => it.contract),
      load: (state) => (state as Contract[]).map(versionOf),
    },
    (worker, versions) => this.#indexAccounts(worker, versions),
  )
  readonly #approvals = new Subjects<Approval>(undefined, () => {
    this.#approvalsRevision++
  })
  #approvalsRevision = 0
  /** For workers without a contract, what the company approves. */
  readonly #bare = new Map<string, Version>()
  readonly #installations = new Installations()
  readonly sessions = new DrivenLaptops()
  readonly census = new Census()
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

  /** Increases with every contract version, approval and assignment that is added. */
  revision = 0

  readonly kept: Parts = {
    contracts: this.#contracts,
    approvals: this.#approvals,
    ...prefixed('installations', this.#installations.kept),
    ...prefixed('sessions', this.sessions.kept),
    ...prefixed('census', this.census.kept),
    devices: this.#devices,
    revocations: this.#revocations,
    revision: single(
      () => this.revision,
      (state) => {
        this.revision = state
      },
    ),
  }

  /** Returns whose past and future events are to be judged again. */
  addContract(recorded: Contract): Changed {
    const contract = folded(recorded)
    this.revision++
    this.#contexts.clear()
    const versions = this.#contracts.get(contract.worker) ?? []
    // A version with the same `from` is replaced, so that running an import twice changes nothing.
    const kept = versions.filter((it) => it.contract.from !== contract.from)
    kept.push(versionOf(contract))
    this.#contracts.set(
      contract.worker,
      kept.sort((a, b) => a.contract.from - b.contract.from),
    )
    this.#indexAccounts(contract.worker, kept)
    return { worker: contract.worker, device: null }
  }

  addApproval(approval: Approval): Changed | null {
    if (!replaces(approval, this.#approvals.get(approval.id))) return null
    this.revision++
    this.#approvalsRevision++
    this.#contexts.clear()
    const worker = approval.worker == null ? null : foldName(approval.worker)
    this.#approvals.set(approval.id, { ...approval, worker })
    return { worker: approval.level === 'contract' ? (worker ?? '') : null, device: null }
  }

  /** All approvals, of the company, of roles and of single workers, as last recorded. */
  approvals(): Approval[] {
    return [...this.#approvals.values()]
  }

  /** Notes what a record shows about the tools on a laptop. Call it before the derivers take the record. */
  take(seen: CensusSighting): Changed | null {
    this.census.take(seen)
    const isNews = seen.event?.category === 'remote_session' ? this.sessions.take(seen) : this.#installations.take(seen)
    return isNews ? { worker: null, device: seen.device } : null
  }

  /** True when what the fleet has in common has changed. */
  advance(now: number): boolean {
    this.#installations.advance(now)
    return this.census.advance()
  }

  /** Whether most of the fleet had a tool with the same tenants in the learning period, and the event lies in it. */
  isCommonHere(
    device: string,
    time: number,
    tool: { id: string; category: string },
    shown: readonly string[],
  ): boolean {
    const { installed } = this.#installations.tenants(device, tool.id, time, shown)
    return this.census.isCommon(tool, [...shown, ...installed], time)
  }

  /**
   * Whether the contract, a role or the company approves a tool of an event. `shown`: the tenants it shows, where the
   * event itself is no longer at hand.
   */
  approvesTool(
    { contract, device, time }: { contract: Contract | null; device: string | null; time: number },
    tool: { id: string; name: string },
    shown: readonly string[] | Event,
  ): boolean {
    if (!contract?.approvedTools) return false
    const tenants = 'category' in shown ? tenantsIn(shown) : shown
    return isApprovedTool(contract, tool, this.#installations.tenants(device, tool.id, time, tenants))
  }

  addDevice(recorded: Device): Changed {
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
    return { worker: null, device: device.device }
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
    const version = worker === null ? undefined : this.#versionAt(worker, time)
    return version ? this.#periodOf(version, time).contract : null
  }

  /**
   * Whether the tool of a remote session at `time` is approved for whoever held the laptop. A session shows no tenant,
   * so every tenant of that tool on the laptop must be an approved one.
   */
  approvesSession(device: string | null, worker: string | null, tool: string, time: number): boolean {
    const contract = this.contractAt(worker, time)
    if (!contract?.approvedTools) return false
    const found = { id: toolIdOf(tool), name: tool }
    const { installed } = this.#installations.tenants(device, found.id, time, [])
    const shown = installed.length === 0 ? [[]] : installed.map((it) => [it])
    return shown.every((it) => isApprovedTool(contract, found, { shown: it, installed: [] }))
  }

  #versionAt(worker: string, time: number): Version | undefined {
    return this.#contracts.get(worker)?.findLast((it) => it.contract.from <= time) ?? this.#bareOf(worker)
  }

  /** What the company approves also holds for a worker of whom no contract is known. */
  #bareOf(worker: string): Version | undefined {
    if (this.#approvals.size === 0) return undefined
    const known = this.#bare.get(worker)
    if (known) return known
    const bare = versionOf({ worker, from: 0 })
    if (withApprovals(bare.contract, this.#approvals.values()) === bare.contract) return undefined
    this.#bare.set(worker, bare)
    return bare
  }

  #periodOf(version: Version, time: number): ContractPeriod {
    const { period } = version
    // Events mostly arrive in order, so the last answer nearly always applies.
    if (period && version.approvals === this.#approvalsRevision && time >= period.since && time < period.until)
      return period
    version.approvals = this.#approvalsRevision
    version.period = periodAt(withApprovals(version.contract, this.#approvals.values()), time)
    return version.period
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
    const versions = worker === null ? [] : (this.#contracts.get(worker) ?? [])
    const index = versions.findLastIndex((it) => it.contract.from <= time)
    const version = worker === null ? undefined : this.#versionAt(worker, time)
    const period = version ? this.#periodOf(version, time) : null
    return {
      contract: period?.contract ?? null,
      since: Math.max(
        versions[index]?.contract.from ?? Number.NEGATIVE_INFINITY,
        period?.since ?? Number.NEGATIVE_INFINITY,
      ),
      until: Math.min(
        versions[index + 1]?.contract.from ?? Number.POSITIVE_INFINITY,
        period?.until ?? Number.POSITIVE_INFINITY,
      ),
    }
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

function versionOf(contract: Contract): Version {
  return { contract, period: null, approvals: -1 }
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
