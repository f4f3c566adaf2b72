/**
 * Counts the words of other systems that `wire/feed-words.ts` does not know, so that they can be reported by name.
 *
 * Shape   events by field and word, the most frequent first. At most `MAX_WORDS` different ones; events with further
 *         ones are counted together, as the word '…'.
 */
import * as z from 'zod'
import type { FeedEvent } from '../../wire/events/feeds.ts'
import { unknownWordIn } from '../../wire/feed-line.ts'

/** A hostile feed has as many words as events. */
const MAX_WORDS = 1_000

export const UnknownWord = z.object({ field: z.string(), word: z.string(), events: z.int() })
export type UnknownWord = z.infer<typeof UnknownWord>

export class UnknownWords {
  readonly #found = new Map<string, UnknownWord>()

  add(event: FeedEvent): void {
    const unknown = 'Word' in event ? unknownWordIn(event) : null
    if (!unknown) return
    const { field } = unknown
    const isFull = this.#found.size >= MAX_WORDS && !this.#found.has(keyOf(unknown))
    const word = isFull ? '…' : unknown.word
    const known = this.#found.get(keyOf({ field, word })) ?? { field, word, events: 0 }
    known.events++
    this.#found.set(keyOf(known), known)
  }

  list(): UnknownWord[] {
    return [...this.#found.values()].sort((a, b) => b.events - a.events || (keyOf(a) < keyOf(b) ? -1 : 1))
  }
}

function keyOf({ field, word }: { field: string; word: string }): string {
  return JSON.stringify([field, word])
}
