/** The DNS servers in resolv.conf(5). macOS writes the file from its own configuration. */
import { isIP } from 'node:net'

export function parseResolvers(text: string): string[] {
  const found = text
    .split('\n')
    .map((line) => /^\s*nameserver\s+([^\s%]+)/.exec(line)?.[1] ?? '')
    .filter((it) => isIP(it) !== 0)
  return [...new Set(found)].slice(0, 16)
}
