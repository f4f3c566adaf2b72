/** Runs fleets in several processes: each takes the next fleet when it has finished one. */
import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import type { Course } from './course.ts'
import type { Task } from './fleet-process.ts'

const PROGRAM = join(import.meta.dirname, 'fleet-process.ts')

export interface Progress {
  /** Finished fleets. */
  done: number
  of: number
  /** Share of all days of all fleets. */
  share: number
}

/**
 * Resolves with the courses in the order of `tasks`.
 *
 * Errors  rejects with the error and the seed of the first fleet that fails; the other
 *         processes are ended.
 */
export async function courses(
  tasks: readonly Task[],
  processes: number,
  onProgress: (progress: Progress, finished: Course | null) => void,
): Promise<Course[]> {
  const results: Course[] = []
  const days = tasks.map(() => 0)
  const all = tasks.reduce((sum, it) => sum + it.fleet.days, 0)
  let next = 0
  let done = 0
  const children = Array.from({ length: Math.min(processes, tasks.length) }, () => fork(PROGRAM))
  const tell = (finished: Course | null) =>
    onProgress({ done, of: tasks.length, share: Math.min(1, days.reduce((sum, it) => sum + it, 0) / all) }, finished)
  try {
    await Promise.all(
      children.map(async (child) => {
        while (next < tasks.length) {
          const nth = next++
          const task = tasks[nth]!
          results[nth] = await one(child, task, (day) => {
            days[nth] = Math.min(Math.max(0, day), task.fleet.days)
            tell(null)
          })
          days[nth] = task.fleet.days
          done++
          tell(results[nth])
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
