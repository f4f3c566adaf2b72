/**
 * Displays, by their EDID.
 *
 * Shape   'present' for all at the first poll, then 'attached' and 'removed'. `Internal` by the connector: eDP, LVDS
 *         and DSI are built in. For a connected display without an EDID, all other fields are null.
 * Units   polled every 5 s.
 * Errors  what does not begin as an EDID gives a gap 'unparsed' and no display. A wrong checksum is reported with
 *         the display: somebody may have edited it.
 * Source  `edid.ts`; Linux /sys/class/drm/<card>-<connector>/{status,edid}. The kernel caches both, so reading
 *         does not wake the display.
 */
import type { ObservationOf } from '../../../wire/event.ts'
import { type Collector, gap, gapReason } from '../../collect.ts'
import type { Host } from '../../host/host.ts'
import { bounded } from '../shared/bounded.ts'
import { NO_EDID, parseEdid } from '../shared/edid.ts'

const NAME = 'displays'
const ROOT = '/sys/class/drm'
const EVERY_MS = 5_000
const MAX_CONNECTORS = 64

type Described = Omit<ObservationOf<'display'>, 'category' | 'time' | 'collector' | 'Action'>

export const displays: Collector<'display'> = {
  name: NAME,
  categories: ['display'],
  run: (host, _policy, signal) => run(host, signal),
}

async function* run(host: Host, signal: AbortSignal) {
  const known = new Map<string, { key: string; display: Described }>()
  let first = true
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    try {
      const all = (await host.list(ROOT)).filter((it) => /^card\d+-/.test(it))
      const connectors = all.slice(0, MAX_CONNECTORS)
      if (all.length > MAX_CONNECTORS) yield gap(stamp, ROOT, 'overflow', 'connectors', all.length - MAX_CONNECTORS)
      for (const [connector, { display }] of known)
        if (!connectors.includes(connector)) {
          known.delete(connector)
          yield { category: 'display' as const, ...stamp, Action: 'removed' as const, ...display }
        }
      for (const connector of connectors) {
        const before = known.get(connector)
        const block = await readEdid(host, connector).catch((cause: unknown) =>
          gap(stamp, connector, gapReason(cause), cause),
        )
        if (block !== null && 'category' in block) {
          yield block
          continue
        }
        const key = block === null ? null : block.toString('base64')
        if (before?.key === (key ?? undefined)) continue
        if (before) {
          known.delete(connector)
          yield { category: 'display' as const, ...stamp, Action: 'removed' as const, ...before.display }
        }
        if (block === null || key === null) continue
        const edid = block.length === 0 ? NO_EDID : parseEdid(block)
        if (edid === null) {
          yield gap(stamp, `edid of ${connector}`, 'unparsed', `${block.length} bytes, wrong header`)
          continue
        }
        const display = {
          ...edid,
          Internal: /^card\d+-(eDP|LVDS|DSI)/.test(connector),
          Port: bounded(connector, 256),
        }
        known.set(connector, { key, display })
        const Action = first ? ('present' as const) : ('attached' as const)
        yield { category: 'display' as const, ...stamp, Action, ...display }
      }
      first = false
    } catch (cause) {
      yield gap(stamp, ROOT, gapReason(cause), cause)
    }
    await host.sleep(EVERY_MS, signal)
  }
}

/** Null: nothing is connected. */
async function readEdid(host: Host, connector: string): Promise<Buffer | null> {
  const status = await host.readText(`${ROOT}/${connector}/status`, 64)
  if (status.trim() !== 'connected') return null
  return host.readBytes(`${ROOT}/${connector}/edid`, 128)
}
