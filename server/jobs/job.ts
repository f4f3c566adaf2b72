/**
 * Periodic work of the server. One file a job, all of them listed in `roles/all.ts`.
 *
 * Shape   a job never overlaps itself, and jobs do not wait for each other. One that took long comes less often: never
 *         more than a twentieth of the time.
 * Errors  a job that fails is reported and tried again at its next turn; the others go on.
 */
import { schedule } from 'node-cron'
import type { Logger } from '../log.ts'

export interface Job {
  name: string
  /** Milliseconds from one run's end to the next, or a cron expression in local time. */
  when: number | string
  /** `signal` aborts when the server closes: what takes long stops where it may. */
  run(signal: AbortSignal): Promise<void>
}

/** Starts them; the answer stops them, and resolves when none runs any more. */
export function runJobs(jobs: readonly Job[], log: Logger): () => Promise<void> {
  const stopping = new AbortController()
  const stops = jobs.map((job) =>
    typeof job.when === 'number'
      ? every(job, job.when, stopping.signal, log)
      : onCalendar(job, job.when, stopping.signal, log),
  )
  return async () => {
    stopping.abort()
    await Promise.all(stops.map((stop) => stop()))
  }
}

function every(job: Job, pauseMs: number, signal: AbortSignal, log: Logger): () => Promise<void> {
  let timer = setTimeout(turn, pauseMs)
  let running = Promise.resolve()
  function turn(): void {
    const began = performance.now()
    running = attempt(job, signal, log).then(() => {
      if (!signal.aborted) timer = setTimeout(turn, Math.max(pauseMs, 20 * (performance.now() - began)))
    })
  }
  return () => {
    clearTimeout(timer)
    return running
  }
}

function onCalendar(job: Job, expression: string, signal: AbortSignal, log: Logger): () => Promise<void> {
  let running: Promise<void> | null = null
  const task = schedule(expression, () => {
    running ??= attempt(job, signal, log).finally(() => {
      running = null
    })
  })
  return async () => {
    await task.stop()
    await running
  }
}

async function attempt(job: Job, signal: AbortSignal, log: Logger): Promise<void> {
  try {
    await job.run(signal)
  } catch (cause) {
    if (!signal.aborted) log.error({ err: cause, job: job.name }, 'periodic job failed; retrying')
  }
}
