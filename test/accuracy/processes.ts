/** Runs fleets in several processes: each takes the next fleet when it has finished one. */
import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import type { Course } from './course.ts'
import type { Task } from './fleet-process.ts'
import type { Results } from './results.ts'

const PROGRAM = join(import.meta.dirname, 'fleet-process.ts')

export interface Progress {
  /** Finished fleets. */
  done: number
  of: number
  /** Share of all days of all workers. */
  share: number
  /** The part of `share` that was there before: fleets of an earlier run. */
  before: number
}

/**
 * Resolves with the courses in the order of `tasks`. Fleets that `kept` has are not run again.
 *
 * Errors  rejects with the error and the seed of the first fleet that fails; the other
 *         processes are ended.
 */
export async function courses(
  tasks: readonly Task[],
  processes: number,
  onProgress: (progress: Progress, finished: Course | null) => void,
  kept: Pick<Results, 'known' | 'keep'> = { known: () => null, keep: () => {} },
): Promise<Course[]> {
  const known = tasks.map((it) => kept.known(it))
  const results: Course[] = known.map((it) => it!)
  const left = tasks.flatMap((task, nth) => (known[nth] ? [] : [{ task, nth }]))
  const effort = ({ fleet }: Task, days = fleet.days) => fleet.workers * Math.min(Math.max(0, days), fleet.days)
  const spent = tasks.map((task, nth) => (known[nth] ? effort(task) : 0))
  const sum = (numbers: readonly number[]) => numbers.reduce((all, it) => all + it, 0)
  const all = sum(tasks.map((it) => effort(it)))
  const before = sum(spent) / all
  let next = 0
  let done = tasks.length - left.length
  const children = Array.from({ length: Math.min(processes, left.length) }, () => fork(PROGRAM))
  const tell = (finished: Course | null) =>
    onProgress({ done, of: tasks.length, share: Math.min(1, sum(spent) / all), before }, finished)
  try {
    await Promise.all(
      children.map(async (child) => {
        while (next < left.length) {
          const { task, nth } = left[next++]!
          const course = await one(child, task, (day) => {
            spent[nth] = effort(task, day)
            tell(null)
          })
          kept.keep(task, course)
          results[nth] = course
          spent[nth] = effort(task)
          done++
          tell(course)
        }
      }),
    )
  } finally {
    for (const it of children) it.kill()
  }
  return results
}

function one(child: ChildProcess, task: Task, onDay: (day: number) => void): Promise<Course> {
  return new Promise((resolve, reject) => {
    const hear = (message: { day?: number; course?: Course; failed?: string }) => {
      if (message.day !== undefined) return onDay(message.day)
      child.off('message', hear).off('exit', gone)
      if (message.course) resolve(message.course)
      else reject(new Error(`seed ${task.fleet.seed}, ${task.fleet.kind}: ${message.failed}`))
    }
    const gone = (code: number | null, signal: string | null) =>
      reject(new Error(`seed ${task.fleet.seed}, ${task.fleet.kind}: the process ended (${signal ?? code})`))
    child.on('message', hear).once('exit', gone)
    child.send(task)
  })
}
