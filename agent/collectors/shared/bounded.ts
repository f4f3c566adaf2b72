/** Text as the wire takes it: at most `max` UTF-16 units, and no half of a surrogate pair at the cut. */
export function bounded(text: string, max: number): string {
  return (text.length > max ? text.slice(0, max) : text).toWellFormed()
}
