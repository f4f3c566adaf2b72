/**
 * Structures that a system fills for us.
 *
 * Shape   members in order, with their sizes; offsets follow from natural alignment, as the compiler lays them out.
 */

/** Size, and alignment where that is not the size. */
type Member = number | readonly [size: number, alignment: number]

export interface Layout<M extends string> {
  size: number
  /** The offset of each member. */
  at: Readonly<Record<M, number>>
}

export function layout<const M extends Record<string, Member>>(members: M): Layout<Extract<keyof M, string>> {
  const at: Record<string, number> = {}
  let end = 0
  let widest = 1
  for (const [name, member] of Object.entries(members)) {
    const [size, alignment] = typeof member === 'number' ? [member, member] : member
    widest = Math.max(widest, alignment)
    at[name] = Math.ceil(end / alignment) * alignment
    end = at[name] + size
  }
  return { size: Math.ceil(end / widest) * widest, at: at as Record<Extract<keyof M, string>, number> }
}
