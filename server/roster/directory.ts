/**
 * The contracts and the holders of laptops, read by views, feeds and imports. It is fed from the stream and never waits
 * for judgement.
 *
 * Shape   takes the stream's records in order; it keeps contracts and holdings and ignores the others. Taking the same
 *         records again, in their order, changes nothing, so a restored copy may be fed from a position before the one
 *         it was saved at.
 *         `kept` is what is saved: every version of a contract by worker, every holding by device, as recorded;
 *         the same form as the world's own rows (`derive/kit/world.ts`), so that either can be restored from them.
 * Errors  unknown is null or an empty list, never a default.
 */
import type { Contract, Device } from '../../wire/contract.ts'
import type { Recorded } from '../../wire/recording.ts'
import type { Kept } from '../derive/kit/kept.ts'
import { World } from '../derive/kit/world.ts'

export class Directory {
  readonly kept: Readonly<Record<'contracts' | 'devices', Kept>>
  readonly #world = new World()
  /** Changed since `kept` was last asked. */
  readonly #workers = new Set<string>()
  readonly #devices = new Set<string>()
  #revision = 0

  constructor() {
    const world = this.#world
    this.kept = {
      contracts: keptLists(
        this.#workers,
        (worker) => world.versionsOf(worker),
        (it) => this.#addContract(it),
      ),
      devices: keptLists(
        this.#devices,
        (device) => world.holdingsOf(device),
        (it) => this.#addHolding(it),
      ),
    }
  }

  take(record: Recorded): void {
    if (record.type === 'contract') {
      this.#addContract(record)
      this.#workers.add(record.worker)
    } else if (record.type === 'device') {
      this.#addHolding(record)
      this.#devices.add(record.device)
    }
  }

  /** Goes up with everything that may change an answer. */
  get revision(): number {
    return this.#revision
  }

  /** Every version of a worker's contract, as it was written, oldest first. */
  versions(worker: string): Contract[] {
    return this.#world.versionsOf(worker)
  }

  latestContract(worker: string): Contract | null {
    return this.#world.latestContract(worker)
  }

  /** What held for `worker` at `time`, without what had lapsed or not begun. */
  contractAt(worker: string | null, time: number): Contract | null {
    return this.#world.contractAt(worker, time)
  }

  /** Who held `device`, and when, oldest first. */
  holdings(device: string): Device[] {
    return this.#world.holdingsOf(device)
  }

  holderAt(device: string, time: number): string | null {
    return this.#world.holderAt(device, time)
  }

  /** Every laptop the worker ever held. */
  devicesOf(worker: string): readonly string[] {
    return this.#world.devicesOf(worker)
  }

  /** Everybody a contract or a laptop names. */
  workers(): string[] {
    return this.#world.workers()
  }

  #addContract(contract: Contract): void {
    this.#revision++
    this.#world.addContract(contract)
  }

  #addHolding(holding: Device): void {
    this.#revision++
    this.#world.addDevice(holding)
  }
}

function keptLists<T>(names: Set<string>, read: (name: string) => T[], add: (it: T) => void): Kept {
  return {
    *changed() {
      const changed = [...names]
      names.clear()
      for (const name of changed) yield [name, read(name)]
    },
    restore(_, state) {
      for (const it of state as T[]) add(it)
    },
  }
}
