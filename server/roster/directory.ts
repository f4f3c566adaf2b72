/**
 * The contracts, the workers that laptops are assigned to, and their revocations, for views, feeds, imports and jobs. It
 * follows the stream and does not wait for the detector.
 *
 * Shape   takes the stream's records in order, and ignores all but contracts, assignments and revocations. Taking the same records
 *         again, in order, changes nothing, so a restored copy may continue from an earlier position.
 *         `kept` is the state to save: every version of a contract by worker, every assignment and revocation by device,
 *         as recorded.
 *         Its rows have the form of the world's (`derive/kit/world.ts`), so that either can be restored from them.
 * Errors  what is unknown is null or an empty list, never a default.
 */
import { foldName } from '../../wire/common.ts'
import type { Approval, Contract, Device } from '../../wire/contract.ts'
import type { Recorded } from '../../wire/recording.ts'
import type { Kept } from '../derive/kit/kept.ts'
import { type Revocation, World } from '../derive/kit/world.ts'

export class Directory {
  readonly kept: Readonly<Record<'contracts' | 'devices' | 'revocations', Kept>>
  readonly #world = new World()
  /** Workers and devices that changed since `kept` was last read. */
  readonly #workers = new Set<string>()
  readonly #devices = new Set<string>()
  readonly #revoked = new Set<string>()
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
      revocations: keptLists(
        this.#revoked,
        (device) => world.revocationsOf(device),
        (it) => world.addRevocation(it),
      ),
    }
  }

  take(record: Recorded): void {
    if (record.type === 'contract') {
      this.#addContract(record)
      this.#workers.add(foldName(record.worker))
    } else if (record.type === 'device') {
      this.#addHolding(record)
      this.#devices.add(record.device)
    } else if (record.type === 'approval') {
      this.#revision++
      this.#world.addApproval(record)
    } else if (record.type === 'revocation') {
      this.#world.addRevocation(record)
      this.#revoked.add(record.device)
    }
  }

  /** Increases with every change. */
  get revision(): number {
    return this.#revision
  }

  /** What the company approves, for everybody, a role or one worker, as last recorded. */
  approvals(): Approval[] {
    return this.#world.approvals()
  }

  /** Every version of a worker's contract, as it was written, oldest first. */
  versions(worker: string): Contract[] {
    return this.#world.versionsOf(worker)
  }

  /** The worker whose account it is: see `World.workerOf`. */
  workerOf(account: string, source: string | null, time: number): string {
    return this.#world.workerOf(account, source, time)
  }

  /** The worker in the form of the records: of another letter case or an account, their name. */
  named(name: string): string {
    const worker = this.#world.ownerOf(foldName(name))
    // A laptop that is assigned to nobody has a page too, and its id has capitals.
    return this.#world.isWorker(worker) ? worker : name
  }

  latestContract(worker: string): Contract | null {
    return this.#world.latestContract(worker)
  }

  /** The contract of `worker` in force at `time`, without entries that had lapsed or not begun. */
  contractAt(worker: string | null, time: number): Contract | null {
    return this.#world.contractAt(worker, time)
  }

  /** The assignments of `device`, oldest first. */
  holdings(device: string): Device[] {
    return this.#world.holdingsOf(device)
  }

  holderAt(device: string, time: number): string | null {
    return this.#world.holderAt(device, time)
  }

  /** Every laptop ever assigned to the worker. */
  devicesOf(worker: string): readonly string[] {
    return this.#world.devicesOf(worker)
  }

  /** The revocations that have not ended, of all laptops. */
  openRevocations(): Revocation[] {
    return this.#world.openRevocations()
  }

  /** Every worker named by a contract or an assignment. */
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
