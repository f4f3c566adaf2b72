/** Truncates text for the wire to `max` UTF-16 units, and replaces lone surrogates. */
export function bounded(text: string, max: number): string {
  return (text.length > max ? text.slice(0, max) : text).toWellFormed()
}
