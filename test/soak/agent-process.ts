/**
 * An agent process with a collector that yields about a hundred random events per second, a few of which cause
 * findings.
 */
import { thisSystem } from '../../agent/host/systems.ts'
import { run } from '../../agent/run.ts'
import { TIMING } from '../../agent/uplink/uplink.ts'
import type { ObservationOf } from '../../wire/event.ts'
import { connectionTo } from '../agent/laptop.ts'

const PAUSE_MS = 10
const IMAGES = ['/usr/bin/git', '/usr/bin/node', '/usr/bin/firefox', '/usr/bin/chrome', '/usr/bin/rclone']
const RARE = ['/usr/bin/anydesk', '/usr/bin/teamviewer', '/usr/bin/rustdesk']

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
        categories: ['network_connection', 'process_creation'],
        async *run(host, _policy, signal) {
          for (let n = 0; !signal.aborted; n++) {
            yield n % 4 === 0 ? started(host.now()) : { ...connectionTo(n % 65_536), time: host.now() }
            await host.sleep(PAUSE_MS, signal)
          }
        },
      },
    ],
  },
  new AbortController().signal,
)

function started(time: number): ObservationOf<'process_creation'> {
  const images = Math.random() < 0.02 ? RARE : IMAGES
  const Image = images[Math.floor(Math.random() * images.length)]!
  return {
    ...{ category: 'process_creation', time, collector: 'busy', Image, CommandLine: `${Image} --run` },
    ...{ ParentImage: '/usr/bin/bash', ParentCommandLine: '-bash', User: 'ana', ProcessId: 4_242 },
    ...{ ParentProcessId: 4_000, CurrentDirectory: '/home/ana', OriginalFileName: null, Product: null },
    ...{ Company: null, Signer: null, StartedBeforeAgent: false },
  }
}
