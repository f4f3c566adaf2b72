/** A network namespace, in which a test can create tunnels and routes without changing the machine's. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type Category, Event, type EventOf } from '../../wire/event.ts'
import { needsLinux } from '../agent/needs-linux.ts'
import { needsCommands, needsPermission } from './needs.ts'
import { until, type Watch, type WatchOptions } from './watch.ts'

/** Enters a network and mount namespace; as a user other than root, in a user namespace. */
export const ENTER = process.getuid?.() === 0 ? 'unshare -n -m' : 'unshare -U -r -n -m'
const CHILD = join(import.meta.dirname, 'namespace-child.ts')

export interface Namespace extends Watch {
  /** Runs a shell command in the namespace. Rejects if it fails. */
  do(line: string): Promise<void>
}

export function needsNamespace(test: Mocha.Context): void {
  needsLinux(test)
  needsCommands(test, 'unshare', 'ip')
  needsPermission(test, `${ENTER} sh -c 'mount -t sysfs sysfs /sys && ip link add eth0 type veth peer name eth1'`)
}

export function enterNamespace(names: readonly string[], options: Omit<WatchOptions, 'host'>): Namespace {
  const start = `mount -t sysfs sysfs /sys && ip link set lo up && exec "$0" "$@"`
  const [unshare, ...flags] = ENTER.split(' ')
  const args = [...flags, 'sh', '-c', start, process.execPath, CHILD, JSON.stringify({ names, options })]
  const child = spawn(unshare!, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const events: Event[] = []
  const waiting: { line: string; settle(code: number | null): void }[] = []
  createInterface({ input: child.stdout }).on('line', (text) => {
    const message = JSON.parse(text)
    if ('done' in message) waiting.shift()?.settle(message.done)
    else events.push(Event.parse(message))
  })
  child.once('exit', (code) => {
    for (const it of waiting.splice(0)) it.settle(code ?? 1)
  })
  return {
    events,
    until: <C extends Category>(category: C, fits: (event: EventOf<C>) => boolean, withinMs = 15_000) =>
      until(events, category, fits, withinMs),
    do: (line) =>
      new Promise((resolve, reject) => {
        const settle = (code: number | null) =>
          code === 0 ? resolve() : reject(new Error(`'${line}' exited with ${code}`))
        waiting.push({ line, settle })
        child.stdin.write(`${line}\n`)
      }),
    async stop() {
      const exited = once(child, 'exit')
      child.stdin.end()
      await exited
    },
  }
}
