/** The operating systems that the agent supports. */
import type { AgentProduct } from '../../wire/common.ts'
import type { System } from './host.ts'
import { linux } from './linux.ts'
import { macos } from './macos.ts'
import { windows } from './windows.ts'

export const SYSTEMS: Record<AgentProduct, System> = { linux, macos, windows }

export function thisSystem(): System {
  return Object.values(SYSTEMS).find((it) => it.platform === process.platform) ?? linux
}
