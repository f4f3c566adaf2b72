/** An agent process with a collector that yields all the time. The kill -9 test starts it. */
import { thisSystem } from '../../agent/host/systems.ts'
import { run } from '../../agent/run.ts'
import { TIMING } from '../../agent/uplink/uplink.ts'
import { connectionTo } from './laptop.ts'

await run(
  {
    folder: process.argv[2]!,
    system: thisSystem(),
    starts: { seen: 0, total: 0 },
    isCareful: false,
    timing: { ...TIMING, backoff: { baseMs: 5, capMs: 50 } },
    collectors: [
      {
        name: 'busy',
        // A slow machine makes its looks dear, and would see fewer and fewer of them.
        pacesItself: true,
        categories: ['network_connection'],
        async *run(host, _policy, signal) {
          for (let n = 0; !signal.aborted; n++) {
            yield connectionTo(n % 65_536)
            // About 1,000 per second, so that a process that is killed again and again keeps up, and no spool
            // overflows.
            if (n % 10 === 0) await host.sleep(10, signal)
          }
        },
      },
    ],
  },
  new AbortController().signal,
)
