/**
 * `npm run soak`: kills a server and an agent with kill -9 at random moments, while rules are edited and both are
 * restarted, and checks that no event is lost or duplicated, and that the findings are those of a replay of the log.
 *
 *   npm run soak                          a thousand kills
 *   SOAK_KILLS=50 npm run soak            fewer
 *   SOAK_SEED=7 npm run soak              the same random choices (not the same timing)
 *   npm run soak -- agent --minutes 10    instead, the agent on a laptop where everything goes wrong: see laptop.ts
 *   npm run soak -- --fuzz 60             an hour of fuzzing instead: every target for an equal part of it
 *
 * Shape   every `CHECK_EVERY` kills, and at the end, both are stopped and the data folder is verified: see verify.ts.
 * Errors  the first failure ends it with exit code 1; the data folder is kept, and its path is printed.
 */
import { spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { stream as randomStream } from '../../server/simulate/random.ts'
import { TARGETS } from '../fuzz/index.ts'
import { editRules } from './edits.ts'
import { Rig } from './rig.ts'
import { type Verified, verify } from './verify.ts'

const KILLS = Number(process.env.SOAK_KILLS ?? 1_000)
const SEED = Number(process.env.SOAK_SEED ?? randomInt(1_000_000))
const CHECK_EVERY = 50
/** Some kills happen while a server starts, most while it runs, and some after a rule edit took effect. */
const MAX_PAUSE_MS = 9_000
const PROGRESS = 20

if (process.argv[2] === 'agent') {
  const args = [join(import.meta.dirname, 'laptop.ts'), ...process.argv.slice(3)]
  process.exit(spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1)
}
const { values } = parseArgs({ options: { fuzz: { type: 'string' } } })
if (values.fuzz !== undefined) {
  const seconds = Math.ceil((Number(values.fuzz) * 60) / TARGETS.length)
  const args = [join(import.meta.dirname, '../fuzz/main.ts'), '--seconds', String(seconds), '--seed', String(SEED)]
  process.exit(spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1)
}

const random = randomStream(SEED, 'soak')
const counts = { server: 0, agent: 0, starting: 0, edits: 0, restarts: 0, checks: 0 }
const kills = () => counts.server + counts.agent

const rig = await Rig.open(join(import.meta.dirname, 'agent-process.ts'))
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void rig.close().then(() => process.exit(1)))
const began = performance.now()
console.log(`${KILLS} kills, seed ${SEED}`)
try {
  rig.startServer()
  await rig.enroll('w1')
  rig.startAgent()
  for (let checked = 0; kills() < KILLS; ) {
    await step()
    if (kills() < checked + CHECK_EVERY) continue
    checked = kills()
    report(await check())
  }
  await rig.progress(PROGRESS)
  report(await check())
  const { acked } = rig.progressOfAgent()
  console.log(
    `${counts.server} kills of the server (${counts.starting} before it listened), ${counts.agent} of the agent, ` +
      `${counts.edits} rule edits, ${counts.restarts} clean restarts: ${acked.toLocaleString('en')} events ` +
      'acknowledged, 0 lost, 0 duplicated, the same findings as a fresh replay in each of ' +
      `${counts.checks} checks; ${minutes()}, load ${load()}`,
  )
} catch (cause) {
  console.error(`after ${kills()} kills with seed ${SEED}: ${cause instanceof Error ? cause.stack : cause}`)
  console.error(`the folder is kept: ${rig.folder}`)
  await Promise.all([rig.killAgent(), rig.killServer()].map((it) => it.catch(() => {})))
  process.exit(1)
}
await rig.close()
process.exit()

async function step(): Promise<void> {
  // Otherwise, a slow machine might never acknowledge anything between two kills.
  if (random() < 0.3) await rig.progress(PROGRESS)
  else await delay(random() ** 2 * MAX_PAUSE_MS)
  const chosen = random()
  if (chosen < 0.15) {
    counts.edits++
    editRules(rig.rules, random)
  } else if (chosen < 0.2) {
    await rig.listening()
    await rig.stopServer()
    rig.startServer()
    counts.restarts++
  } else if (chosen < 0.6) {
    await killServer()
    rig.startServer()
  } else if (chosen < 0.9) {
    await killAgent()
    rig.startAgent()
  } else {
    await Promise.all([killServer(), killAgent()])
    rig.startServer()
    rig.startAgent()
  }
}

async function killServer(): Promise<void> {
  counts.server++
  if (!rig.isListening) counts.starting++
  await rig.killServer()
}

async function killAgent(): Promise<void> {
  counts.agent++
  await rig.killAgent()
}

/** Kills both once more, verifies the data, and starts them again. */
async function check(): Promise<Verified> {
  await killAgent()
  const progress = rig.progressOfAgent()
  await killServer()
  const verified = await verify(rig.data, rig.rules, [progress])
  counts.checks++
  rig.startServer()
  rig.startAgent()
  return verified
}

function report({ events, findings, standings, evaluations, evaluated, last }: Verified): void {
  console.log(
    `${kills()} kills: ${events.toLocaleString('en')} events in the log, without duplicates; ${findings} findings and ` +
      `${standings} standings, as in a replay (${evaluations} evaluations, ${last - evaluated} records not evaluated ` +
      `yet); ${minutes()}, load ${load()}`,
  )
}

function minutes(): string {
  return `${Math.round((performance.now() - began) / 60_000)} min`
}

function load(): string {
  return loadavg()[0]!.toFixed(1)
}
