/** Names the commonest words of feeds that Tellwire does not know: a wrong spelling throughout must not look innocent. */
import type { UnknownWord } from '../feeds/unknown-words.ts'
import { counted } from './progress.ts'
import { printable } from './terminal.ts'

const MAX_COMMONEST = 3

/** Their events are kept as 'unknown', which no rule takes for a success or a failure. The commonest comes first. */
export function warnOfWords(words: readonly UnknownWord[]): void {
  for (const { field, word, events } of words.slice(0, MAX_COMMONEST))
    console.error(
      printable(
        `warning: ${field} '${word}' is a word that Tellwire does not know (${counted(events)} ${events === 1 ? 'event' : 'events'}).`,
      ),
    )
  const more = words.length - MAX_COMMONEST
  if (more > 0) console.error(printable(`warning: and ${counted(more)} more unknown ${more === 1 ? 'word' : 'words'}.`))
}
