/** An agent that takes ten minutes for three seconds, on a laptop that is online. `cut-off.test.ts` starts it. */
import { thisSystem } from '../../agent/host/systems.ts'
import { run } from '../../agent/run.ts'
import { TIMING } from '../../agent/uplink/uplink.ts'
import { connectionTo } from '../agent/laptop.ts'

await run(
  {
    folder: process.argv[2]!,
    system: thisSystem(),
    starts: { seen: 0, total: 0 },
    cutOffMs: 3_000,
    timing: { ...TIMING, backoff: { baseMs: 50, capMs: 500 } },
    collectors: [
      {
        name: 'online',
        categories: ['network_connection'],
        async *run(host, _policy, signal) {
          while (!signal.aborted) {
            yield { ...connectionTo(443), DestinationIp: '203.0.113.5' }
            await host.sleep(500, signal)
          }
        },
      },
    ],
  },
  new AbortController().signal,
)
