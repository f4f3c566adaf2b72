/** Windows: files and clocks only. Nothing of the system is read: its collectors do not exist. */
import { join } from 'node:path/win32'
import { fileHost } from './files.ts'
import type { System } from './host.ts'

export const windows: System = {
  product: 'windows',
  platform: 'win32',
  host: fileHost,
  machine: async () => ({ fingerprint: null, virtual: null, bootId: null }),
  agentFolder: (env) => join(env.ProgramData ?? 'C:\\ProgramData', 'tellwire', 'agent'),
}
