/**
 * macOS: its own calls, through koffi, files, and two programs of its own that print what happens (macos/feeds.ts). Written
 * from documentation: it has never run on a Mac.
 *
 * Errors  what cannot be read is null.
 */
import { createHash } from 'node:crypto'
import { record, text } from '../collectors/shared/plist.ts'
import { fileHost, unixAgentFolder } from './files.ts'
import { HYPERVISORS, type MachineFacts, type System } from './host.ts'
import { macCalls } from './macos/open.ts'
import { processStart } from './macos/processes.ts'

export const macos: System = {
  product: 'macos',
  platform: 'darwin',
  host: fileHost,
  machine,
  agentFolder: unixAgentFolder,
  processStart: (pid) => attempt(() => processStart(pid)),
}

/**
 * What distinguishes this machine from a copy of its disk.
 *
 * Source  the platform expert's UUID and serial number (I/O registry), hw.model; kern.bootsessionuuid; kern.hv_vmm_present.
 */
async function machine(): Promise<MachineFacts> {
  const own = ['IOPlatformUUID', 'IOPlatformSerialNumber', 'manufacturer']
  const platform = attempt(() => macCalls.registry('IOPlatformExpertDevice', own)[0]) ?? null
  const named = (name: string) => text(record(platform?.properties)?.[name])
  const model = sysctlText('hw.model')
  const parts = [named('IOPlatformUUID'), named('IOPlatformSerialNumber'), model]
  const isKnown = parts.some((it) => it !== null)
  const hypervisor = attempt(() => macCalls.sysctl('kern.hv_vmm_present').readInt32LE())
  const isVirtual = model !== null && (HYPERVISORS.test(model) || /^VirtualMac/.test(model))
  return {
    fingerprint: isKnown
      ? createHash('sha256')
          .update(['macos', ...parts.map((it) => it ?? '')].join('\n'))
          .digest('hex')
      : null,
    virtual: hypervisor === null ? (model === null ? null : isVirtual) : isVirtual || hypervisor !== 0,
    bootId: sysctlText('kern.bootsessionuuid'),
  }
}

function sysctlText(name: string): string | null {
  return attempt(() => macCalls.sysctl(name).toString('utf8').replace(/\0.*$/, '')) || null
}

function attempt<T>(act: () => T): T | null {
  try {
    return act()
  } catch {
    return null
  }
}
