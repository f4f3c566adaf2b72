/**
 * Which of many words occur in a text, in one pass: Aho-Corasick as one dense table.
 *
 * Shape   words are ASCII, at least one character each; other characters of the text lead back to the start.
 *         States that end a word are numbered last, so that the inner loop asks one question a character.
 * Units   one table entry of two bytes (four beyond 65,536 states) per state and class of character.
 * Source  Aho and Corasick, "Efficient string matching", 1975.
 */
export interface Automaton {
  /** Calls `found` with the index of each word that occurs, once per occurrence. */
  scan(text: string, found: (word: number) => void): void
}

export function automaton(words: readonly string[]): Automaton {
  const { classes, shift } = classesOf(words)
  const trie = plant(words, classes)
  const { order, outputs, table } = complete(trie)
  // Renumber: silent states first, the start among them.
  const silent = order.filter((state) => outputs[state]!.length === 0)
  const speaking = order.filter((state) => outputs[state]!.length > 0)
  const number = new Int32Array(order.length)
  for (const [to, from] of [...silent, ...speaking].entries()) number[from] = to
  const next = order.length <= 65_536 ? new Uint16Array(order.length << shift) : new Uint32Array(order.length << shift)
  const width = trie.width
  for (let state = 0; state < order.length; state++)
    for (let c = 0; c < width; c++) next[(number[state]! << shift) + c] = number[table[state * width + c]!]!
  const firstSpeaking = silent.length
  const says = speaking.map((state) => Int32Array.from(outputs[state]!))

  return {
    scan(text, found) {
      let state = 0
      for (let i = 0; i < text.length; i++) {
        const c = text.charCodeAt(i)
        state = next[(state << shift) + (c < 128 ? classes[c]! : 0)]!
        if (state >= firstSpeaking) {
          const words = says[state - firstSpeaking]!
          for (let j = 0; j < words.length; j++) found(words[j]!)
        }
      }
    },
  }
}

/** Characters that occur in words are told apart; all others are class 0. */
function classesOf(words: readonly string[]): { classes: Uint8Array; shift: number } {
  const classes = new Uint8Array(128)
  let count = 1
  for (const word of words)
    for (let i = 0; i < word.length; i++) {
      const c = word.charCodeAt(i)
      if (classes[c] === 0) classes[c] = count++
    }
  return { classes, shift: Math.ceil(Math.log2(Math.max(2, count))) }
}

interface Trie {
  width: number
  /** -1 where there is no way on. */
  table: Int32Array
  states: number
  ends: (number[] | undefined)[]
}

function plant(words: readonly string[], classes: Uint8Array): Trie {
  const width = Math.max(...classes) + 1
  const most = 1 + words.reduce((sum, word) => sum + word.length, 0)
  const table = new Int32Array(most * width).fill(-1)
  const ends: (number[] | undefined)[] = []
  let states = 1
  for (const [index, word] of words.entries()) {
    let state = 0
    for (let i = 0; i < word.length; i++) {
      const at = state * width + classes[word.charCodeAt(i)]!
      if (table[at] === -1) table[at] = states++
      state = table[at]!
    }
    ends[state] = [...(ends[state] ?? []), index]
  }
  return { width, table, states, ends }
}

/** Fills every missing way on with where the longest suffix would go. */
function complete({ width, table, states, ends }: Trie): { order: number[]; outputs: number[][]; table: Int32Array } {
  const fail = new Int32Array(states)
  const outputs: number[][] = Array.from({ length: states }, (_, state) => ends[state] ?? [])
  const order = [0]
  for (let c = 0; c < width; c++) {
    const to = table[c]!
    if (to === -1) table[c] = 0
    else order.push(to)
  }
  for (let at = 1; at < order.length; at++) {
    const state = order[at]!
    const suffix = fail[state]!
    if (outputs[suffix]!.length > 0) outputs[state] = [...outputs[state]!, ...outputs[suffix]!]
    for (let c = 0; c < width; c++) {
      const to = table[state * width + c]!
      const elsewhere = table[suffix * width + c]!
      if (to === -1) table[state * width + c] = elsewhere
      else {
        fail[to] = elsewhere
        order.push(to)
      }
    }
  }
  return { order, outputs, table }
}
