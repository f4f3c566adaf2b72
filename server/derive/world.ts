/** What is known beside an event: who held the laptop, and what was agreed with them, at that moment. */
import type { Contract, Device } from '../../wire/contract.ts'

/**
 * Shape   contracts by worker and holdings by device, each in time order; the lists are short (versions, hand-overs).
 * Errors  unknown is null, never a default.
 */
export class World {
  readonly #contracts = new Map<string, Contract[]>()
  readonly #devices = new Map<string, Device[]>()

  addContract(contract: Contract): void {
    const versions = this.#contracts.get(contract.worker) ?? []
    // The same `from` again replaces: an import that is run twice changes nothing.
    const kept = versions.filter((it) => it.from !== contract.from)
    kept.push(contract)
    this.#contracts.set(
      contract.worker,
      kept.sort((a, b) => a.from - b.from),
    )
  }

  addDevice(device: Device): void {
    const holdings = this.#devices.get(device.device) ?? []
    const kept = holdings.filter((it) => it.from !== device.from)
    kept.push(device)
    this.#devices.set(
      device.device,
      kept.sort((a, b) => a.from - b.from),
    )
  }

  /** The version that held for `worker` at `time`, or null. */
  contractAt(worker: string | null, time: number): Contract | null {
    return (worker !== null && this.#contracts.get(worker)?.findLast((it) => it.from <= time)) || null
  }

  latestContract(worker: string): Contract | null {
    return this.#contracts.get(worker)?.at(-1) ?? null
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

  save(): { contracts: Contract[]; devices: Device[] } {
    return { contracts: [...this.#contracts.values()].flat(), devices: [...this.#devices.values()].flat() }
  }

  load(saved: { contracts: Contract[]; devices: Device[] }): void {
    for (const contract of saved.contracts) this.addContract(contract)
    for (const device of saved.devices) this.addDevice(device)
  }
}

/** True while an approval that may lapse holds. */
export function holds(
  approval: { from?: number | null | undefined; to?: number | null | undefined },
  time: number,
): boolean {
  return (approval.from ?? 0) <= time && time < (approval.to ?? Number.POSITIVE_INFINITY)
}
