/**
 * Periodic jobs of the server: one file per job. `roles/all.ts` lists them.
 *
 * Shape   a job never overlaps itself, and jobs do not wait for each other. A slow job runs less often, so that it takes
 *         at most a twentieth of the time.
 * Errors  a job that fails is reported and runs again at its next turn; the others are not affected.
 */
import { schedule } from 'node-cron'
import type { Logger } from '../log.ts'

export interface Job {
  name: string
  /** Milliseconds from the end of one run to the next, or a cron expression in local time. */
  when: number | string
  /** A run takes long only when there is work, so the next one comes after `when` all the same. */
  keepsPace?: boolean
  /** `signal` aborts when the server closes: a long run should then stop early. */
  run(signal: AbortSignal): Promise<void>
}

/** Starts the jobs. The returned function stops them, and resolves when none is running. */
export function runJobs(jobs: readonly Job[], log: Logger): () => Promise<void> {
  const stopping = new AbortController()
  const stops = jobs.map((job) =>
    typeof job.when === 'number' ? every(job, stopping.signal, log) : onCalendar(job, job.when, stopping.signal, log),
  )
  return async () => {
    stopping.abort()
    await Promise.all(stops.map((stop) => stop()))
  }
}

function every(job: Job, signal: AbortSignal, log: Logger): () => Promise<void> {
  let timer = setTimeout(turn, pauseAfter(job, 0))
  let running = Promise.resolve()
  function turn(): void {
    const began = performance.now()
    running = attempt(job, signal, log).then(() => {
      if (!signal.aborted) timer = setTimeout(turn, pauseAfter(job, performance.now() - began))
    })
  }
  return () => {
    clearTimeout(timer)
    return running
  }
}

export function pauseAfter({ when, keepsPace }: Pick<Job, 'when' | 'keepsPace'>, tookMs: number): number {
  return keepsPace ? Number(when) : Math.max(Number(when), 20 * tookMs)
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
