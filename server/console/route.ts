/** The current address: the fragment, in parts. Fragments reach no server and no log. */
import { signal } from '@preact/signals'

export const route = signal(parse(location.hash))
addEventListener('hashchange', () => show(location.hash))

/** The same address again changes nothing. */
function show(hash: string): void {
  const parts = parse(hash)
  if (parts.join('/') !== route.value.join('/')) route.value = parts
}

function parse(hash: string): string[] {
  return hash
    .replace(/^#?\/?/, '')
    .split('/')
    .map(decoded)
}

/** The address of a page. Worker ids come from outside: a lone surrogate would make encodeURIComponent throw. */
export function to(...parts: string[]): string {
  return `#/${parts.map((part) => encodeURIComponent(part.toWellFormed())).join('/')}`
}

/** Shows the page at once: the browser reports the new address later, when the next key may have been pressed. */
export function go(...parts: string[]): void {
  location.hash = to(...parts)
  show(location.hash)
}

/** Changes the address without a new entry in the history: removes a secret from view. */
export function replace(...parts: string[]): void {
  history.replaceState(null, '', to(...parts))
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
