/** Time passes for the queue: laptops that were last seen long enough ago are looked at. */
import type { Queue } from '../views/queue.ts'
import type { Job } from './job.ts'

const EVERY_MS = 60_000

export function queueTick(queue: Queue): Job {
  return { name: 'queue tick', when: EVERY_MS, run: () => queue.tick() }
}
