/** A process that runs fleets through the pipeline, one after another, and returns their courses. */
import { course } from './course.ts'
import { type Fleet, isAmong } from './fleets.ts'

export interface Task {
  fleet: Fleet
  /** Scenes or workers to explain. */
  explain: readonly string[]
  /** With all findings, for trying other constants of the score. */
  dump: boolean
}

// A stopped run leaves no process behind.
process.on('disconnect', () => process.exit(1))

process.on('message', ({ fleet, explain, dump }: Task) => {
  course(fleet, {
    explain: (label, worker) => explain.includes(worker) || (label !== null && isAmong(label.scenario, explain)),
    onDay: (day) => process.send?.({ day }),
    dump,
  }).then(
    (course) => process.send?.({ course }),
    (cause: unknown) => process.send?.({ failed: cause instanceof Error ? `${cause.stack}` : String(cause) }),
  )
})
