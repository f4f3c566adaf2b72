/** A Mac from plain answers. What is not given is empty. */

import type { PlistRecord } from '../../../../agent/collectors/shared/plist.ts'
import type { LineFeed, Mac, ProcessFacts, RegistryEntry } from '../../../../agent/host/macos/calls.ts'

export interface FakeMac extends Mac {
  table: Map<number, ProcessFacts>
  /** The registry, by class. */
  classes: Record<string, RegistryEntry[]>
}

export function fakeMac(of: Partial<Mac> = {}): FakeMac {
  const table = new Map<number, ProcessFacts>()
  const classes: FakeMac['classes'] = {}
  return {
    table,
    classes,
    processes: () => [...table.keys()],
    process: (pid) => table.get(pid) ?? ENDED,
    signerOf: () => null,
    sockets: () => ({ found: [], denied: 0 }),
    mounts: () => [],
    interfaces: () => [],
    routes: () => [],
    neighbours: () => [],
    // As the real one: only what was asked for.
    registry: (name, own, above = []) =>
      (classes[name] ?? []).map((it) => ({
        id: it.id,
        properties: picked(it.properties, own),
        above: picked(it.above, above),
      })),
    signIns: () => NO_LINES,
    execs: () => NO_LINES,
    sysctl: () => Buffer.alloc(0),
    ...of,
  }
}

const NO_LINES: LineFeed = { read: () => ({ lines: [], lost: 0, failure: null }), close: () => {} }

export const ENDED: ProcessFacts = {
  ...{ isDenied: false, parent: null, uid: null, name: null, image: null, args: null, folder: null, startedAt: null },
}

export function program(image: string, of: Partial<ProcessFacts> = {}): ProcessFacts {
  const name = image.slice(image.lastIndexOf('/') + 1)
  return { ...ENDED, image, name, parent: 1, uid: 501, args: [image], folder: '/', startedAt: '1.000000', ...of }
}

export function entry(id: string, properties: PlistRecord, above: PlistRecord = {}): RegistryEntry {
  return { id, properties, above }
}

function picked(from: PlistRecord, names: readonly string[]): PlistRecord {
  return Object.fromEntries(Object.entries(from).filter(([name]) => names.includes(name)))
}
