/**
 * Collectors inside a network namespace of their own: `namespace.ts` starts this there. Prints an observation a line,
 * runs each line it is given in a shell, and answers with `{"done": exit status}`.
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { type WatchOptions, watch } from './watch.ts'

const { names, options } = JSON.parse(process.argv[2]!) as { names: string[]; options: WatchOptions }
const seen = watch(names, options)
let told = 0
const telling = setInterval(tell, 20)

for await (const line of createInterface({ input: process.stdin })) {
  const shell = spawn('sh', ['-c', line], { stdio: ['ignore', 'inherit', 'inherit'] })
  shell.once('exit', (code) => console.log(JSON.stringify({ done: code })))
}
clearInterval(telling)
await seen.stop()
tell()
process.exit()

function tell(): void {
  for (; told < seen.events.length; told++) console.log(JSON.stringify(seen.events[told]))
}
