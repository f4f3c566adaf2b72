/**
 * Starts the agent whenever it does not run, as a service manager does.
 *
 *   node test/soak/service.ts FOLDER CONTROL SEED
 *
 * Shape   killed with SIGKILL, it leaves its agent running: the next service's agents end, because the folder is locked,
 *         until that one does, too.
 *         Three of ten starts are careful. For the others, bans are lifted, as an administrator would.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { agentPaths } from '../../agent/config.ts'
import { stream as randomStream } from '../../server/simulate/random.ts'

const RESTART_MS = 200
const CAREFUL = 0.3

const [, , folder, control, seed] = process.argv as string[]
const random = randomStream(seed!, 'service')
for (;;) {
  const mood = random() < CAREFUL ? 'careful' : 'bold'
  if (mood === 'bold') rmSync(agentPaths(folder!).bans, { force: true })
  const script = join(import.meta.dirname, 'laptop-process.ts')
  const agent = spawn(process.execPath, [script, folder!, control!, mood], { stdio: ['ignore', 'inherit', 'inherit'] })
  await once(agent, 'exit')
  await delay(RESTART_MS)
}
