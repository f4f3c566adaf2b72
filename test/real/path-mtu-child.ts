/**
 * A process with a connection to a server, as the agent has: `node path-mtu-child.ts ADDRESS`. It runs the collector of
 * network places, and prints the PathMtu of each event, until its input ends.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { watch } from './watch.ts'

const server = createServer().listen(0)
await once(server, 'listening')
const client = connect((server.address() as AddressInfo).port, process.argv[2]!)
await once(client, 'connect')
const seen = watch(['network-places'], { folder: process.cwd() })
let printed = 0
const printing = setInterval(() => {
  for (; printed < seen.events.length; printed++) console.log(JSON.stringify(seen.events[printed]))
}, 20)
process.stdin.resume()
await once(process.stdin, 'end')
clearInterval(printing)
await seen.stop()
process.exit()
