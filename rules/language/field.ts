/** Reads known keys of a document's maps, and refuses values of the wrong shape. */
import type { Mapping, Node } from './node.ts'
import { nearest, Refusal } from './refusal.ts'

export function mappingOf(node: Node, what: string): Mapping {
  if (node.kind !== 'map') throw new Refusal(node.at, `${what} is a map of keys and values.`)
  return node
}

/** Refuses unknown keys. */
export function keysOf(map: Mapping, known: readonly string[], what: string): void {
  for (const [key, { at }] of map.entries) {
    if (known.includes(key)) continue
    const near = nearest(key, known)
    throw new Refusal(
      at,
      `There is no '${key}' in ${what}.`,
      near ? `Did you mean '${near}'?` : `There are: ${known.join(', ')}.`,
    )
  }
}

/** Null when the key is absent or null. */
export function textIn(map: Mapping, key: string): string | null {
  const entry = map.entries.get(key)
  if (!entry) return null
  const { value } = entry
  if (value.kind !== 'scalar') throw new Refusal(value.at, `\`${key}\` is one text.`)
  return value.value === null ? null : value.text
}

export function textsIn(map: Mapping, key: string): string[] {
  return placedTextsIn(map, key).map(({ text }) => text)
}

export interface PlacedText {
  text: string
  at: number
}

export function placedTextsIn(map: Mapping, key: string): PlacedText[] {
  const node = map.entries.get(key)?.value
  if (!node || (node.kind === 'scalar' && node.value === null)) return []
  return (node.kind === 'list' ? node.items : [node]).map((item) => {
    if (item.kind !== 'scalar') throw new Refusal(item.at, `\`${key}\` is a list of texts.`)
    return { text: item.text, at: item.at }
  })
}

export function numberIn(map: Mapping, key: string): number | null {
  const entry = map.entries.get(key)
  if (!entry) return null
  const { value } = entry
  if (value.kind !== 'scalar' || typeof value.value !== 'number') throw new Refusal(value.at, `\`${key}\` is a number.`)
  return value.value
}

export function oneOf<T extends string>(map: Mapping, key: string, known: readonly T[]): T | null {
  const text = textIn(map, key)
  if (text === null) return null
  const found = known.find((each) => each === text)
  if (!found)
    throw new Refusal(map.entries.get(key)!.value.at, `\`${key}\` cannot be '${text}'.`, `One of ${known.join(', ')}.`)
  return found
}
