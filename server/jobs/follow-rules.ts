/** Applies edited rules without a restart. */
import { stamp } from '../detect/program.ts'
import type { Job } from './job.ts'

const EVERY_MS = 5_000

export async function followRules(deps: { folders: readonly string[]; follow(): void }): Promise<Job> {
  let seen = await stamp(deps.folders)
  return {
    name: 'follow rules',
    when: EVERY_MS,
    async run() {
      const now = await stamp(deps.folders)
      if (now === seen) return
      seen = now
      deps.follow()
    },
  }
}
