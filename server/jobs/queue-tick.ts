/** Advances the queue's time, for laptops that have been silent long enough. */
import type { Queue } from '../views/queue.ts'
import type { Job } from './job.ts'

const EVERY_MS = 60_000

export function queueTick(queue: Queue): Job {
  return { name: 'queue tick', when: EVERY_MS, run: () => queue.tick() }
}
