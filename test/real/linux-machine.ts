/** A Debian with a real systemd as its first process, in namespaces of its own; the network is this machine's. */
import { execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { until } from '../bench/children.ts'
import { notTested } from '../not-tested.ts'

const SCRIPT = join(import.meta.dirname, 'linux-machine.sh')

export interface LinuxMachine {
  /** Runs a shell command as its root. Rejects with what it printed if it fails. */
  do(line: string): Promise<string>
  /** As `do`, also when it fails. */
  try(line: string): Promise<{ code: number; output: string }>
  /** Copies a file into its folder /srv, and says where it is. */
  bring(file: string): string
  /** Its files as seen from outside. */
  root: string
  stop(): Promise<void>
}

export function needsLinuxMachine(test: Mocha.Context): void {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) notTested(test, 'the Linux machine needs root on Linux')
  const { status, stderr } = spawnSync(SCRIPT, ['check'], { encoding: 'utf8' })
  if (status !== 0) notTested(test, `${stderr.trim()}; make it with test/real/linux-machine.sh`)
}

export async function bootLinux(): Promise<LinuxMachine> {
  const script = spawn(SCRIPT, ['boot'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(createInterface({ input: script.stdout }), 'line')) as [string]
  const pid = Number(line.replace('pid ', ''))
  if (!(pid > 0)) throw new Error(`the Linux machine does not start: ${line}`)
  const kill = () => {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {} // it has ended
  }
  process.once('exit', kill)
  const enter = ['-t', String(pid), '--mount', '--pid', '--uts', '--ipc', '--cgroup', '--root', '--wd']
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8', DEBIAN_FRONTEND: 'noninteractive' }
  const machine: LinuxMachine = {
    root: `/proc/${pid}/root`,
    async try(line) {
      const args = [...enter, 'sh', '-c', `{ ${line}\n} 2>&1`]
      try {
        const { stdout } = await promisify(execFile)('nsenter', args, { env, maxBuffer: 64 * 1_048_576 })
        return { code: 0, output: stdout }
      } catch (cause) {
        const { code, stdout } = cause as { code: number; stdout: string }
        return { code, output: stdout }
      }
    },
    async do(line) {
      const { code, output } = await machine.try(line)
      if (code !== 0) throw new Error(`'${line}' ended with ${code}:\n${output}`)
      return output
    },
    bring(file) {
      copyFileSync(file, `/proc/${pid}/root/srv/${basename(file)}`)
      return `/srv/${basename(file)}`
    },
    async stop() {
      const ended = script.exitCode === null ? once(script, 'exit') : null
      kill()
      await ended
      process.removeListener('exit', kill)
    },
  }
  let state = ''
  await until(
    async () => {
      state = (await machine.try('systemctl is-system-running')).output.trim()
      return state === 'running' || state === 'degraded' ? true : null
    },
    60_000,
    () => `systemd is '${state}'`,
  )
  return machine
}
