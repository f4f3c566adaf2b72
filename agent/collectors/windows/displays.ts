/**
 * Displays that are connected, by their EDID.
 *
 * Shape   'present' for all at the first poll, then 'attached' and 'removed'. Internal is null: the registry does not say
 *         by which connector. For a display without an EDID, what it would say is null.
 * Units   polled every 5 s.
 * Errors  what does not begin as an EDID gives a gap 'unparsed' and no display. A wrong checksum is reported with the
 *         display: somebody may have edited it.
 * Source  the present devices of DISPLAY, and for each HKLM\SYSTEM\CurrentControlSet\Enum\<id>\Device Parameters\EDID;
 *         `edid.ts`. Wine 10 has one display without an EDID; the test writes one.
 */
import type { ObservationOf } from '../../../wire/event.ts'
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import type { Windows } from '../../host/windows/calls.ts'
import { bounded } from '../shared/bounded.ts'
import { NO_EDID, parseEdid } from '../shared/edid.ts'

const NAME = 'displays'
const EVERY_MS = 5_000
const MAX_DISPLAYS = 64
const ENUM = 'SYSTEM\\CurrentControlSet\\Enum'

type Display = Omit<ObservationOf<'display'>, 'category' | 'time' | 'collector' | 'Action'> & { Internal: null }

export const displays = (windows: Windows): Collector<'display'> => ({
  name: NAME,
  categories: ['display'],
  run: (host, _policy, signal) => run(host, windows, signal),
})

async function* run(host: Host, windows: Windows, signal: AbortSignal) {
  const known = new Map<string, { key: string; display: Display }>()
  let isFirst = true
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    try {
      const all = windows.devices('DISPLAY').map((it) => it.id)
      if (all.length > MAX_DISPLAYS) yield gap(stamp, 'displays', 'overflow', null, all.length - MAX_DISPLAYS)
      const ids = all.slice(0, MAX_DISPLAYS)
      for (const [id, { display }] of known)
        if (!ids.includes(id)) {
          known.delete(id)
          yield { category: 'display' as const, ...stamp, Action: 'removed' as const, ...display }
        }
      for (const id of ids) {
        const bytes = edidOf(windows, id)
        const key = bytes?.toString('base64') ?? ''
        const before = known.get(id)
        if (before?.key === key) continue
        if (before !== undefined) {
          known.delete(id)
          yield { category: 'display' as const, ...stamp, Action: 'removed' as const, ...before.display }
        }
        const edid = bytes === null ? NO_EDID : parseEdid(bytes)
        if (edid === null) {
          yield gap(stamp, `edid of ${id}`, 'unparsed', `${bytes?.length} bytes, wrong header`)
          continue
        }
        const display: Display = { ...edid, Internal: null, Port: bounded(id, 256) }
        known.set(id, { key, display })
        const Action = isFirst ? ('present' as const) : ('attached' as const)
        yield { category: 'display' as const, ...stamp, Action, ...display }
      }
      isFirst = false
    } catch (cause) {
      yield gap(stamp, 'displays', gapReason(cause), cause)
    }
    await host.sleep(EVERY_MS, signal)
  }
}

/** Null: the display has none. */
function edidOf({ registry }: Windows, id: string): Buffer | null {
  try {
    const path = `${ENUM}\\${id}\\Device Parameters`
    return registry.values({ hive: 'machine', path }).get('EDID')?.data ?? null
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw cause
  }
}
