/** Contracts, holdings and revocations: who held a laptop at a given time, and which contract they had. */
import { toolIdOf } from '../../../rules/catalogue/tool-names.ts'
import type { Approval, Contract, Device } from '../../../wire/contract.ts'
import type { Event } from '../../../wire/event.ts'
import type { RecordedRevocation } from '../../../wire/recording.ts'
import { replaces, withApprovals } from './approvals.ts'
import { type ContractPeriod, periodAt } from './in-force.ts'
import { Installations, type Sighting } from './installations.ts'
import { type Keeper, type Parts, prefixed, Subjects, single } from './kept.ts'
import { RemoteSessions } from './remote-sessions.ts'
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
  readonly #contracts = new Subjects<Version[]>({
    save: (versions) => versions.map((it) => it.contract),
    load: (state) => (state as Contract[]).map(versionOf),
  })
  readonly #approvals = new Subjects<Approval>(undefined, () => {
    this.#approvalsRevision++
  })
  #approvalsRevision = 0
  /** For workers without a contract, what the company approves. */
  readonly #bare = new Map<string, Version>()
  readonly #installations = new Installations()
  readonly sessions = new RemoteSessions()
  readonly #devices = new Subjects<Device[]>(undefined, (_, holdings) => {
    for (const it of holdings) this.#index(it)
  })
  readonly #revocations = new Subjects<Revocation[]>()
  /** By worker, all laptops they ever held. */
  readonly #devicesOf = new Map<string, string[]>()

  /** The last answer of `contextOf`, by laptop. */
  readonly #contexts = new Map<string, DeviceContext>()

  /** Increases with every contract version and approval that is added. */
  revision = 0

  readonly kept: Parts = {
    contracts: this.#contracts,
    approvals: this.#approvals,
    ...prefixed('installations', this.#installations.kept),
    ...prefixed('sessions', this.sessions.kept),
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
  addContract(contract: Contract): Changed {
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
    return { worker: contract.worker, device: null }
  }

  addApproval(approval: Approval): Changed | null {
    if (!replaces(approval, this.#approvals.get(approval.id))) return null
    this.revision++
    this.#approvalsRevision++
    this.#contexts.clear()
    this.#approvals.set(approval.id, approval)
    return { worker: approval.level === 'contract' ? (approval.worker ?? '') : null, device: null }
  }

  /** All approvals, of the company, of roles and of single workers, as last recorded. */
  approvals(): Approval[] {
    return [...this.#approvals.values()]
  }

  /** Notes what a record shows about the tools on a laptop. Call it before the derivers take the record. */
  take(seen: Sighting): Changed | null {
    const isNews = seen.event?.category === 'remote_session' ? this.sessions.take(seen) : this.#installations.take(seen)
    return isNews ? { worker: null, device: seen.device } : null
  }

  advance(now: number): void {
    this.#installations.advance(now)
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

  addDevice(device: Device): Changed {
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

function versionOf(contract: Contract): Version {
  return { contract, period: null, approvals: -1 }
}
