/**
 * Windows: its own calls, through koffi. No child process, and no file that a user could write decides about the agent.
 *
 * Shape   paths in collectors have `/`, as on the other systems; `E:` is the root of that drive.
 * Errors  what cannot be read is null.
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path/win32'
import { fileHost } from './files.ts'
import { type Host, type HostOptions, HYPERVISORS, type MachineFacts, type System } from './host.ts'
import { firmwareIds } from './windows/firmware.ts'
import { entriesOf } from './windows/folders.ts'
import { windowsCalls } from './windows/open.ts'
import { leave, processStart } from './windows/processes.ts'
import { protectFolder } from './windows/security.ts'
import { runService } from './windows/service.ts'

export const windows: System = {
  product: 'windows',
  platform: 'win32',
  host,
  machine,
  agentFolder: (env) => join(env.ProgramData ?? 'C:\\ProgramData', 'Tellwire', 'agent'),
  processStart: (pid) => attempt(() => processStart(pid)),
  protect: protectFolder,
  service: runService,
  leave,
}

function host(options: HostOptions): Host {
  const disk = fileHost(options)
  const entries = async (path: string) => (await entriesOf(rooted(path))) ?? disk.entries(rooted(path))
  return {
    ...disk,
    list: (path) => disk.list(rooted(path)),
    entries,
    parts: async function* (path) {
      yield await entries(path)
    },
    stat: (path) => disk.stat(rooted(path)),
  }
}

/** Windows takes `E:` for the current folder of that drive. */
function rooted(path: string): string {
  return /^[A-Za-z]:$/.test(path) ? `${path}/` : path
}

const BIOS = 'HARDWARE\\DESCRIPTION\\System\\BIOS'
const CRYPTOGRAPHY = 'SOFTWARE\\Microsoft\\Cryptography'

/**
 * What distinguishes this machine from a copy of its disk.
 *
 * Shape   the boot is told by when its first process began, which no later boot repeats and no change of the clock
 *         moves.
 * Source  MachineGuid, which Windows' installation makes; the vendor's names and the firmware's UUID and serial numbers.
 */
async function machine(): Promise<MachineFacts> {
  const valuesOf = (path: string) => attempt(() => windowsCalls.registry.values({ hive: 'machine', path }))
  const [bios, cryptography] = [valuesOf(BIOS), valuesOf(CRYPTOGRAPHY)]
  const text = (name: string) => bios?.get(name)?.text?.trim() || null
  const parts = [
    cryptography?.get('MachineGuid')?.text ?? null,
    text('SystemProductName'),
    text('BaseBoardManufacturer'),
    text('BaseBoardProduct'),
    ...(attempt(firmwareIds) ?? []),
  ]
  const vendor = [text('SystemManufacturer'), text('SystemProductName'), text('BIOSVendor')].join(' ').trim()
  const isKnown = parts.some((it) => it !== null)
  const all = ['windows', ...parts.map((it) => it ?? '')].join('\n')
  return {
    fingerprint: isKnown ? createHash('sha256').update(all).digest('hex') : null,
    virtual: vendor === '' ? null : HYPERVISORS.test(vendor),
    bootId: attempt(firstProcess),
  }
}

const SYSTEM_PROCESS = 4

/** The kernel's own process has a fixed id. Where there is none (Wine), the one with the least id began first. */
function firstProcess(): string | null {
  const own = windowsCalls.process(SYSTEM_PROCESS).startedAt
  if (own !== null) return own
  const starts = windowsCalls.processes().map(({ pid }) => windowsCalls.process(pid).startedAt)
  return starts.filter((it) => it !== null).sort()[0] ?? null
}

function attempt<T>(act: () => T): T | null {
  try {
    return act()
  } catch {
    return null
  }
}
