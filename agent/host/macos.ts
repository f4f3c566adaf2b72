/** macOS: files and clocks only, because it has no collectors yet. */
import { fileHost, unixAgentFolder } from './files.ts'
import type { System } from './host.ts'

export const macos: System = {
  product: 'macos',
  platform: 'darwin',
  host: fileHost,
  machine: async () => ({ fingerprint: null, virtual: null, bootId: null }),
  agentFolder: unixAgentFolder,
}
