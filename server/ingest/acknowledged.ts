/**
 * The highest acknowledged number of each laptop, stored apart from the log: a log that has fewer events has lost some,
 * or was restored from a backup.
 *
 * Shape   one number per device, for the epoch of its latest spool; a laptop cannot resend what an earlier spool held.
 *         Devices are gathered in groups, each a small value in the store. New numbers stay in memory until their
 *         group's turn, so after a kill the stored number is a few minutes old at most, and never too high.
 * Errors  a group that cannot be written is reported, and retried at its next turn.
 */
import { crc32 } from 'node:zlib'
import * as z from 'zod'
import type { Logger } from '../log.ts'
import type { Values } from '../store/store.ts'

/** At one group a second, each is written every four minutes; with 20,000 laptops a group has about 80. */
const GROUPS = 256

type Mark = readonly [epoch: number, seq: number]
const Group = z.array(z.tuple([z.string(), z.tuple([z.int(), z.int()])]))
type KeyValues = Pick<Values, 'get' | 'compareAndSet'>

export class Acknowledged {
  readonly #values: KeyValues
  readonly #log: Logger
  /** Numbers that are not written yet, by group and device. */
  readonly #noted = Array.from({ length: GROUPS }, () => new Map<string, Mark>())
  #turn = 0
  #saving: Promise<void> = Promise.resolve()

  constructor(values: KeyValues, log: Logger) {
    this.#values = values
    this.#log = log
  }

  /** 0 when nothing is known about this epoch. */
  async of(device: string, epoch: number): Promise<number> {
    const group = groupOf(device)
    const mark = this.#noted[group]!.get(device) ?? this.#parse(await this.#values.get(keyOf(group))).get(device)
    return mark?.[0] === epoch ? mark[1] : 0
  }

  note(device: string, epoch: number, seq: number): void {
    this.#noted[groupOf(device)]!.set(device, [epoch, seq])
  }

  /** Writes the group whose turn it is. Never rejects. */
  saveNext(): Promise<void> {
    const group = this.#turn
    this.#turn = (group + 1) % GROUPS
    return this.#save(group)
  }

  /** Never rejects. */
  async saveAll(): Promise<void> {
    for (let group = 0; group < GROUPS; group++) await this.#save(group)
  }

  #save(group: number): Promise<void> {
    this.#saving = this.#saving.then(() => this.#write(group))
    return this.#saving
  }

  async #write(group: number): Promise<void> {
    const noted = this.#noted[group]!
    if (noted.size === 0) return
    const written = [...noted]
    try {
      // Another gateway may write to the same group: keep its numbers of other laptops.
      for (let isWritten = false; !isWritten; ) {
        const before = await this.#values.get(keyOf(group))
        const next = new Map([...this.#parse(before), ...written])
        isWritten = await this.#values.compareAndSet(keyOf(group), before, JSON.stringify([...next]))
      }
      for (const [device, mark] of written) if (noted.get(device) === mark) noted.delete(device)
    } catch (cause) {
      this.#log.error({ err: cause }, 'acknowledged numbers could not be saved; retrying')
    }
  }

  /** An unreadable value counts as empty, so that it does not keep laptops out. */
  #parse(text: string | null): Map<string, Mark> {
    try {
      return new Map(Group.parse(JSON.parse(text ?? '[]')))
    } catch (cause) {
      this.#log.error({ err: cause }, 'acknowledged numbers cannot be read')
      return new Map()
    }
  }
}

function groupOf(device: string): number {
  return crc32(device) % GROUPS
}

function keyOf(group: number): string {
  return `acknowledged.${group}`
}
