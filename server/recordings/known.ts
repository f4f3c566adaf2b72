/**
 * What a log already has, so that a record that is imported again counts once.
 *
 * Shape   events by their numbers, or by their id without a number; feed lines by their event's id; every other record
 *         by what it says and when it arrived.
 * Memory  8 bytes for each numbered event, a short hash for each other record.
 */
import { createHash } from 'node:crypto'
import { Recorded } from '../../wire/recording.ts'
import { Numbers } from './numbers.ts'

export class Known {
  readonly #numbers = new Numbers()
  readonly #others = new Set<string>()

  /** 'conflict': the event's number was used for another event. */
  take(record: Recorded): 'new' | 'known' | 'conflict' {
    if (record.type !== 'event' || record.event.seq === null || record.conflict) {
      const key = keyOf(record)
      return this.#others.size < this.#others.add(key).size ? 'new' : 'known'
    }
    const { device, epoch = 0, event } = record
    const use = this.#numbers.take(device, epoch, event.seq!, event.id)
    return use === 'retry' ? 'known' : use
  }
}

function keyOf(record: Recorded): string {
  return createHash('sha256')
    .update(JSON.stringify(distinguishing(record)))
    .digest('base64url')
    .slice(0, 16)
}

/** The part of a record that makes it another record. */
function distinguishing(record: Recorded): unknown {
  switch (record.type) {
    case 'event':
      return ['event', record.device, record.epoch ?? 0, record.event.seq, record.event.id]
    case 'feed':
      return ['feed', record.event.id]
    case 'connection':
      return ['connection', record.device, record.time, record.remoteAddress]
    case 'clock':
      return ['clock', record.time, record.downSince ?? null]
    case 'rarity':
      return ['rarity', record.time]
    case 'contract':
    case 'approval':
    case 'learning':
    case 'device':
    case 'revocation':
    case 'label':
      // The schema gives every writer's fields the same order. The time of arrival is part of it, because what was
      // said before may be said again after something else.
      return Recorded.parse(record)
  }
}
