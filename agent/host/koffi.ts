/** Native calls, loaded when the first one is made. */
import { createRequire } from 'node:module'

export type Koffi = typeof import('koffi')

let loaded: Koffi | null = null

/**
 * Not an import: the agent runs without it, and the bundle finds it beside itself.
 * Errors  throws where koffi or its binary for this system is not installed.
 */
export function koffi(): Koffi {
  loaded ??= createRequire(import.meta.url)('koffi') as Koffi
  return loaded
}
