/** Windows: files and clocks only, because it has no collectors yet. */
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
