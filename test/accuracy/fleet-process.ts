/** A process that takes fleets through the pipeline, one after the other, and answers with what happened in them. */
import { course } from './course.ts'
import { type Fleet, isAmong } from './fleets.ts'

export interface Task {
  fleet: Fleet
  /** Scenes, or workers, whose story is to be told. */
  explain: readonly string[]
}

process.on('message', ({ fleet, explain }: Task) => {
  course(fleet, {
    explain: (label, worker) => explain.includes(worker) || (label !== null && isAmong(label.scenario, explain)),
    onDay: (day) => process.send?.({ day }),
  }).then(
    (course) => process.send?.({ course }),
    (cause: unknown) => process.send?.({ failed: cause instanceof Error ? `${cause.stack}` : String(cause) }),
  )
})
