/** What a fuzz target is. `index.ts` lists them; `main.ts` runs them; `corpus.test.ts` replays their corpus. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Random } from '../../server/simulate/random.ts'

/** How an input is structured, so that a mutation can keep it half valid. */
export type Shape = 'bytes' | 'text' | 'json' | 'json-lines' | 'yaml' | 'csv'

export interface Target {
  name: string
  shape: Shape
  /** Words and byte sequences with a meaning in this format. */
  dictionary?: readonly string[]
  /** An additional mutation that keeps checksums and the like right; used for a third of the inputs. */
  mutate?(input: Buffer, random: Random): Buffer
  open(): Promise<Opened>
}

export interface Opened {
  /**
   * Gives the input to the code under test, and throws when the target's invariant does not hold. A refusal that the
   * code's own documentation names is not a failure.
   */
  run(input: Buffer): void | Promise<void>
  close?(): Promise<void>
}

export const CORPUS = join(import.meta.dirname, 'corpus')

/** The inputs in the target's corpus folder, by file name. */
export function corpusOf(target: Pick<Target, 'name'>): { name: string; input: Buffer }[] {
  const folder = join(CORPUS, target.name)
  return readdirSync(folder)
    .sort()
    .map((name) => ({ name, input: readFileSync(join(folder, name)) }))
}
