/** The collector of processes alone, on this machine, as `starts.ts` measures it: bundled, with the agent's flags. */
import { processes } from '../../agent/collectors/linux/processes.ts'
import { linux } from '../../agent/host/linux.ts'
import { connector } from '../../agent/host/starts/connector.ts'
import { tracefs } from '../../agent/host/starts/tracefs.ts'
import { withCommandLines } from '../../agent/host/starts/with-command-lines.ts'

const [mount, program, folder] = process.argv.slice(2) as [string, string, string]
const stop = new AbortController()
process.once('SIGTERM', () => stop.abort())
const starts = { seen: 0, total: 0 }
const told = { here: 0, withCommandLine: 0, withParent: 0 }
const host = linux.host({ hmac: (it) => it, stateFolder: folder })
const policy = { version: 1, salt: '', off: [], on: [], watchedRoots: [], spoolBytes: 0, spoolDays: 0 }
let isReady = false
const source = withCommandLines(tracefs([mount]), connector())
for await (const it of processes(starts, [], [source]).run(host, policy, stop.signal)) {
  if (!isReady) console.log('ready')
  isReady = true
  if (it.category !== 'process_creation' || it.Image !== program) continue
  told.here++
  if (it.CommandLine !== null) told.withCommandLine++
  if (it.ParentImage !== null) told.withParent++
}
console.log(JSON.stringify({ ...told, ...starts }))
