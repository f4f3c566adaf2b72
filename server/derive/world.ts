/** What is known beside an event: who held the laptop, and what was agreed with them, at that moment. */
import type { Contract, Device } from '../../wire/contract.ts'
import { type Piece, pieceAt } from './in-force.ts'

export { holds } from './in-force.ts'

interface Version {
  contract: Contract
  /** What was asked for last. */
  piece: Piece | null
}

/**
 * Shape   contracts by worker and holdings by device, each in time order; the lists are short (versions, hand-overs).
 * Errors  unknown is null, never a default.
 */
export class World {
  readonly #contracts = new Map<string, Version[]>()
  readonly #devices = new Map<string, Device[]>()
  readonly #devicesOf = new Map<string, Set<string>>()

  /** Goes up with every contract version that is added. */
  revision = 0

  addContract(contract: Contract): void {
    this.revision++
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
    if (device.worker !== null)
      this.#devicesOf.set(device.worker, (this.#devicesOf.get(device.worker) ?? new Set()).add(device.device))
    const holdings = this.#devices.get(device.device) ?? []
    const kept = holdings.filter((it) => it.from !== device.from)
    kept.push(device)
    this.#devices.set(
      device.device,
      kept.sort((a, b) => a.from - b.from),
    )
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

  /** Every laptop the worker ever held. */
  devicesOf(worker: string): string[] {
    return [...(this.#devicesOf.get(worker) ?? [])]
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
    return {
      contracts: [...this.#contracts.values()].flat().map((it) => it.contract),
      devices: [...this.#devices.values()].flat(),
    }
  }

  load(saved: { contracts: Contract[]; devices: Device[] }): void {
    for (const contract of saved.contracts) this.addContract(contract)
    for (const device of saved.devices) this.addDevice(device)
  }
}
