/**
 * Imported files of one kind in a folder, read again when they change.
 *
 * Shape   `reload` looks with one stat per file. A file that cannot be read any more keeps its last good value, and is a
 *         problem.
 */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

export class StoredFiles<T> {
  readonly #folder: string
  readonly #ending: string
  readonly #noun: string
  readonly #load: (path: string) => Promise<T>
  readonly #files = new Map<string, { stamp: string; value: T | null; problem: string | null }>()
  #folderProblem: string | null = null

  /** `noun`: what a user imports again when its file is damaged. */
  constructor(folder: string, kind: { ending: string; noun: string; load(path: string): Promise<T> }) {
    this.#folder = folder
    this.#ending = kind.ending
    this.#noun = kind.noun
    this.#load = kind.load
  }

  /** True when something changed. */
  async reload(): Promise<boolean> {
    const names = await this.#names()
    if (names === null) return false
    let changed = false
    for (const gone of [...this.#files.keys()].filter((name) => !names.includes(name)))
      changed = this.#files.delete(gone) || changed
    for (const name of names) {
      const path = join(this.#folder, name)
      const found = await stat(path).catch(() => null)
      const stamp = found ? `${found.mtimeMs} ${found.size} ${found.ino}` : 'gone'
      const known = this.#files.get(name)
      if (known?.stamp === stamp) continue
      changed = true
      try {
        this.#files.set(name, { stamp, value: await this.#load(path), problem: null })
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : cause
        const problem = `${path}: ${why}. Import the ${this.#noun} again, or remove the file.`
        this.#files.set(name, { stamp, value: known?.value ?? null, problem })
      }
    }
    return changed
  }

  values(): T[] {
    return [...this.#files.values()].flatMap((it) => it.value ?? [])
  }

  problems(): string[] {
    return [...this.#files.values()].flatMap((it) => it.problem ?? [])
  }

  /** Why the folder cannot be read; null when it can, or does not exist. */
  get folderProblem(): string | null {
    return this.#folderProblem
  }

  /** Null: the folder cannot be read, which is different from empty. */
  async #names(): Promise<string[] | null> {
    try {
      const names = await readdir(this.#folder)
      this.#folderProblem = null
      return names.filter((name) => name.endsWith(this.#ending)).sort()
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException
      this.#folderProblem =
        code === 'ENOENT' ? null : `${this.#folder} cannot be read (${code}): check its permissions.`
      return code === 'ENOENT' ? [] : null
    }
  }
}
