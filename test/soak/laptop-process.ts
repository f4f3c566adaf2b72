/**
 * The agent with all collectors of this system, and one more that writes down what the spool has accepted.
 *
 *   node test/soak/laptop-process.ts FOLDER CONTROL careful|bold
 *
 * Shape   `CONTROL/accepted` has a line for each accepted event, on another disk than the spool: a number that no other
 *         event has, which is in the event's command line, too. A line is written in the turn of the event loop after
 *         the one in which the spool passes the event to the kernel.
 *         The file `burst` makes it yield more than the spool holds in memory, `quiet` nothing any more.
 *         'careful' comes back after a death as the agent does, 'bold' at once.
 */
import './moved-clock.ts'
import { appendFileSync, existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Collector } from '../../agent/collect.ts'
import { collectorsOf } from '../../agent/collectors/index.ts'
import { thisSystem } from '../../agent/host/systems.ts'
import { readerOf, run } from '../../agent/run.ts'
import { TIMING } from '../../agent/uplink/uplink.ts'
import type { ObservationOf } from '../../wire/event.ts'

const [, , folder, control, mood] = process.argv as string[]
const EVERY_MS = 50
const EVENTS = 10
const BURST = { events: 2_000, bytes: 7_000 }
const RUN = `${process.pid}.${performance.timeOrigin}`

const busy: Collector = {
  name: 'busy',
  categories: ['process_creation'],
  async *run(host, _policy, signal) {
    for (let n = 0; !signal.aborted; ) {
      const isBurst = existsSync(join(control!, 'burst'))
      if (isBurst) rmSync(join(control!, 'burst'))
      const numbers = Array.from({ length: isBurst ? BURST.events : EVENTS }, () => `${RUN}.${n++}`)
      if (!existsSync(join(control!, 'quiet'))) {
        for (const it of numbers) yield started(it, isBurst ? BURST.bytes : 0, host.now())
        await nextTurn()
        appendFileSync(join(control!, 'accepted'), numbers.map((it) => `${it}\n`).join(''))
      }
      await host.sleep(EVERY_MS, signal)
    }
  },
}

function started(number: string, bytes: number, time: number): ObservationOf<'process_creation'> {
  return {
    ...{ category: 'process_creation', time, collector: 'busy', Image: '/usr/bin/git' },
    ...{ CommandLine: `soak ${number} ${'x'.repeat(bytes)}`, ParentImage: '/usr/bin/bash', ParentCommandLine: '-bash' },
    ...{ User: 'ana', ProcessId: 4_242, ParentProcessId: 4_000, CurrentDirectory: '/home/ana' },
    ...{ OriginalFileName: null, Product: null, Company: null, Signer: null, StartedBeforeAgent: false },
  }
}

const system = thisSystem()
const reader = readerOf(system)
const starts = { seen: 0, total: 0 }
const collectors = collectorsOf(system.product, starts, system.startSources, (...asked) => reader.watch(...asked))
const stop = new AbortController()
process.once('SIGTERM', () => stop.abort())
await run(
  {
    ...{ folder: folder!, system, starts, reader, collectors: [busy, ...collectors], isCareful: mood === 'careful' },
    timing: { ...TIMING, backoff: { baseMs: 50, capMs: 1_000 } },
  },
  stop.signal,
)
// As `runAgent` does: one of its threads may not return.
if (reader.isHeld) process.kill(process.pid, 'SIGKILL')
process.exit()
