/** The facts that the server would have stored with an event: the tool, and the place of a far end. */
import { type Catalogue, loadCatalogue, recognise } from '../../rules/catalogue/index.ts'
import type { Event } from '../../wire/event.ts'
import type { System } from './observations.ts'
import type { Exit } from './sites.ts'

let catalogue: Catalogue | null = null

/** JSON. `body`: the event's own fields, without braces. */
export function factsOf(product: System, body: string, peer: Exit): string {
  catalogue ??= loadCatalogue()
  const event = { ...JSON.parse(`{${body}}`), product } as Event
  return JSON.stringify({ ...recognise(catalogue, event), peer: peer.geo })
}
