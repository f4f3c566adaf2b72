/** Facts stored with an event, so that later catalogues and databases do not change history. */
import type { Event } from '../../wire/event.ts'
import type { AddressFacts, CatalogueFacts } from '../../wire/recording.ts'

export interface FactSources {
  lookup(address: string, at: number): AddressFacts
  recognise(event: Event): CatalogueFacts | undefined
}

/** `known`: what is stored with the event already, and stays. Undefined when nothing is known. */
export function storedFacts(
  event: Event,
  known: CatalogueFacts | undefined,
  { lookup, recognise }: FactSources,
): CatalogueFacts | undefined {
  const facts = known ?? recognise(event)
  if (event.category !== 'remote_session' || event.PeerIp === null || facts?.peer) return facts
  return { ...facts, peer: lookup(event.PeerIp, event.time) }
}
