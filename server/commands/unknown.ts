/**
 * What a file has and Tellwire does not know: words of feeds, and keys of contracts. The commonest are named, because a
 * wrong spelling throughout must not look innocent.
 */
import type { Recorded } from '../../wire/recording.ts'
import { type UnknownWord, UnknownWords } from '../feeds/unknown-words.ts'
import { type UnknownKey, UnknownKeys } from '../roster/unknown-keys.ts'
import { counted } from './progress.ts'
import { printable } from './terminal.ts'

const MAX_COMMONEST = 3

export class Unknown {
  readonly #words = new UnknownWords()
  readonly #keys = new UnknownKeys()

  add(record: Recorded): void {
    if (record.type === 'feed') this.#words.add(record.event)
    else this.#keys.add(record)
  }

  list(): { unknownWords: UnknownWord[]; unknownKeys: UnknownKey[] } {
    return { unknownWords: this.#words.list(), unknownKeys: this.#keys.list() }
  }
}

/** Events with an unknown word are kept as 'unknown', which no rule takes for a success or a failure. */
export function warnOf({ unknownWords, unknownKeys }: ReturnType<Unknown['list']>): void {
  warn(
    'word',
    unknownWords.map(
      ({ field, word, events }) =>
        `${field} '${word}' is a word that Tellwire does not know (${many(events, 'event')}).`,
    ),
  )
  warn(
    'key',
    unknownKeys.map(
      ({ key, near, records }) =>
        `${key} is a key that nothing reads (${many(records, 'record')})${near ? `; did you mean ${near}?` : '.'}`,
    ),
  )
}

function warn(noun: string, sentences: readonly string[]): void {
  for (const it of sentences.slice(0, MAX_COMMONEST)) console.error(printable(`warning: ${it}`))
  const more = sentences.length - MAX_COMMONEST
  if (more > 0) console.error(`warning: and ${counted(more)} more unknown ${more === 1 ? noun : `${noun}s`}.`)
}

function many(number: number, noun: string): string {
  return `${counted(number)} ${number === 1 ? noun : `${noun}s`}`
}
