/**
 * Who forked whom: the parents of a program whose process has ended. And whether the kernel's pids are ours.
 *
 * Shape   also of what has not executed a program of its own: threads, and subshells.
 * Source  include/linux/proc_ns.h: the inode of the first pid namespace is fixed.
 */
import { readlinkSync } from 'node:fs'

const MAX_FORKS = 4_096
const MAX_PARENTS = 4
const FIRST_PID_NAMESPACE = 'pid:[4026531836]'

export class Forks {
  readonly #parents = new Map<number, number>()

  add({ parent, child }: { parent: number; child: number }): void {
    this.#parents.delete(child)
    this.#parents.set(child, parent)
    if (this.#parents.size > MAX_FORKS) this.#parents.delete(this.#parents.keys().next().value!)
  }

  has(child: number): boolean {
    return this.#parents.has(child)
  }

  /** The parent, its parent …, as far as their forks were seen. */
  parentsOf(child: number): number[] {
    const found: number[] = []
    for (
      let pid = this.#parents.get(child);
      pid !== undefined && found.length < MAX_PARENTS;
      pid = this.#parents.get(pid)
    )
      found.push(pid)
    return found
  }
}

/** Errors  throws with ENOENT in a container: there the kernel's pids are others. `why` follows 'unsupported: '. */
export function needsFirstPidNamespace(why: string): void {
  if (readlinkSync('/proc/self/ns/pid') !== FIRST_PID_NAMESPACE)
    throw Object.assign(new Error(`unsupported: ${why}`), { code: 'ENOENT' })
}
