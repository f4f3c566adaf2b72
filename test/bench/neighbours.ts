/**
 * The agent beside monitoring agents that companies have on their machines already: zabbix-agent2, collectd and netdata
 * as Debian packages them, each with its shipped configuration, all at once on one machine with systemd.
 *
 * Shape   of each service all processes together: CPU, what is resident (memory that they share counts in each), and
 *         processes that came and went. Not what they write: the machine's disk is in memory.
 * Source  /proc/PID: stat, status. Nobody asks zabbix-agent2 anything here, and there is no server for it.
 * Errors  needs root on Linux, Debian's mirror, and what `npm run package` needs for a .deb.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { buildPackages } from '../../bin/package/main.ts'
import { bootLinux, type LinuxMachine } from '../real/linux-machine.ts'
import { json, startServer, until } from './children.ts'
import type { BenchOptions, Row } from './row.ts'

const SERVICES = ['tellwire-agent', 'zabbix-agent2', 'collectd', 'netdata'] as const
type Service = (typeof SERVICES)[number]
const PACKAGES = 'zabbix-agent2 collectd-core netdata-core'
/** collectd-core has no configuration: what collectd's own package configures, without what needs more libraries. */
const COLLECTD = ['cpu', 'df', 'disk', 'entropy', 'interface', 'irq', 'load', 'memory', 'processes', 'swap', 'users']
/** After this, first looks and baselines are over. */
const SETTLE_MS = 150_000
const LOOK_MS = 500
const TICKS_PER_SECOND = 100

export async function bench({ seconds, says }: BenchOptions): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tellwire-bench-'))
  const server = await startServer(join(folder, 'server'))
  const machine = await bootLinux()
  try {
    says('installing zabbix-agent2, collectd and netdata')
    await installOthers(machine)
    says('building and installing the agent')
    await installAgent(machine, folder, server.url, server.cookie)
    await delay(SETTLE_MS)
    says(`watching them for ${seconds} s`)
    return await watch(machine, seconds)
  } finally {
    await machine.stop()
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function installOthers(machine: LinuxMachine): Promise<void> {
  // Programs in it resolve names and reach the mirror as this machine does.
  const copy = 'cp /etc/resolv.conf /etc/hosts "$1/etc/"; cp /etc/apt/apt.conf.d/* "$1/etc/apt/apt.conf.d/"'
  execFileSync('sh', ['-c', copy, '-', machine.root])
  await machine.do(`apt-get update -qq && apt-get install -y -qq --no-install-recommends ${PACKAGES}`)
  const plugins = COLLECTD.map((it) => `LoadPlugin ${it}\n`).join('')
  const writer = 'LoadPlugin csv\n<Plugin csv>\n  DataDir "/var/lib/collectd/csv"\n</Plugin>\n'
  writeFileSync(join(machine.root, 'etc/collectd/collectd.conf'), `${plugins}${writer}`)
  await machine.do(`systemctl restart ${SERVICES.filter((it) => it !== 'tellwire-agent').join(' ')}`)
}

async function installAgent(machine: LinuxMachine, folder: string, url: string, cookie: string): Promise<void> {
  const out = join(folder, 'packages')
  const { files, missing } = await buildPackages({
    ...{ out, forms: ['deb'], systems: ['linux-x64'], keyFile: null, runtimes: out },
    ...{ epoch: 1_764_000_000, version: '0.1.0', edit: (bundle: string) => bundle },
  })
  const deb = files.find((it) => it.endsWith('.deb'))
  if (deb === undefined) throw new Error(`no .deb was built: ${missing.join('; ')}`)
  const { token } = await json<{ token: string }>(
    fetch(`${url}/api/v1/enrollment-tokens`, {
      method: 'POST',
      headers: { Cookie: cookie, Origin: url, 'Content-Type': 'application/json' },
      body: JSON.stringify({ worker: 'bench' }),
    }),
  )
  await machine.do(`dpkg -i ${machine.bring(deb)}`)
  await machine.do(`umask 077; echo '${token}' >/etc/tellwire/enrollment`)
  await until(
    async () => ((await machine.try('tellwire agent status --json')).output.includes('"connected":true') ? true : null),
    120_000,
    () => 'the agent does not report',
  )
}

interface Usage {
  cpuMs: number
  residentBytes: number
}

async function watch(machine: LinuxMachine, seconds: number): Promise<Row[]> {
  const total = new Map(SERVICES.map((it) => [it, { cpuMs: 0, residentBytes: 0, came: 0 }]))
  const before = new Map<number, Usage>()
  const began = performance.now()
  for (let first = true; performance.now() - began < seconds * 1_000; first = false) {
    for (const name of SERVICES) {
      const sum = total.get(name)!
      let resident = 0
      for (const pid of pidsOf(machine, name)) {
        const now = usageOf(pid)
        if (now === null) continue
        resident += now.residentBytes
        const was = before.get(pid)
        before.set(pid, now)
        if (first) continue
        if (was === undefined) sum.came++
        sum.cpuMs += now.cpuMs - (was?.cpuMs ?? 0)
      }
      sum.residentBytes = Math.max(sum.residentBytes, resident)
    }
    await delay(LOOK_MS)
  }
  const passed = (performance.now() - began) / 1_000
  return SERVICES.flatMap((name): Row[] => {
    const { cpuMs, residentBytes, came } = total.get(name)!
    if (residentBytes === 0) throw new Error(`${name} does not run`)
    const budget = (text: string) => (name === 'tellwire-agent' ? text : '')
    return [
      { name: `${name}, CPU`, unit: '% of a core', value: cpuMs / passed / 10, budget: budget('<= 0.3') },
      { name: `${name}, resident, most`, unit: 'MiB', value: residentBytes / 1_048_576, budget: budget('<= 80') },
      { name: `${name}, processes that came`, unit: 'seen', value: came, budget: budget('<= 0') },
    ]
  })
}

/** Its processes, by this machine's numbers: the kernel tells them as the reader knows them. */
function pidsOf({ root }: LinuxMachine, name: Service): number[] {
  const folder = join(root, 'sys/fs/cgroup/system.slice', `${name}.service`)
  return [folder, ...foldersIn(folder)].flatMap((it) =>
    readFileSync(join(it, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number),
  )
}

function foldersIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((it) => it.isDirectory())
    .map((it) => join(folder, it.name))
}

/** Null: it has ended. */
function usageOf(pid: number): Usage | null {
  const read = (file: string) => readFileSync(`/proc/${pid}/${file}`, 'utf8')
  try {
    const fields = read('stat').split(') ')[1]!.split(' ')
    const number = (text: string, name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0)
    return {
      cpuMs: ((Number(fields[11]) + Number(fields[12])) * 1_000) / TICKS_PER_SECOND,
      residentBytes: number(read('status'), 'VmRSS') * 1_024,
    }
  } catch {
    return null
  }
}
