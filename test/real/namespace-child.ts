/**
 * Runs collectors in a network namespace, where `namespace.ts` starts it. Prints one observation per line, runs each
 * line of its input in a shell, and then prints `{"done": exit status}`.
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { type WatchOptions, watch } from './watch.ts'

const { names, options } = JSON.parse(process.argv[2]!) as { names: string[]; options: WatchOptions }
const seen = watch(names, options)
let printed = 0
const printing = setInterval(printNew, 20)

for await (const line of createInterface({ input: process.stdin })) {
  const shell = spawn('sh', ['-c', line], { stdio: ['ignore', 'inherit', 'inherit'] })
  shell.once('exit', (code) => console.log(JSON.stringify({ done: code })))
}
clearInterval(printing)
await seen.stop()
printNew()
process.exit()

function printNew(): void {
  for (; printed < seen.events.length; printed++) console.log(JSON.stringify(seen.events[printed]))
}
