/**
 * What the agent does not collect on a system, and why.
 *
 * Shape   one gap per category that has no collector here, once a day. Those that are off until a policy switches them on
 *         are told when it does. A source that would say more about what is collected is a gap without a category,
 *         because it impairs none.
 */
import type { AgentProduct } from '../../wire/common.ts'
import type { CategoryOf, CollectedOn, ObservationOf } from '../../wire/event.ts'
import type { Policy } from '../../wire/messages.ts'
import { DAY } from '../../wire/time.ts'
import { type Collector, gap } from '../collect.ts'
import type { Host } from '../host/host.ts'

const NAME = 'not-collected'

type Observed = Exclude<CategoryOf<'agent'>, 'collection_gap' | 'agent_state'>
export interface NotCollected {
  reason: Extract<ObservationOf<'collection_gap'>['Reason'], 'denied' | 'unsupported'>
  why: string
}

const INPUT_PATTERN = { reason: 'unsupported', why: 'the timing of input devices has no collector yet' } as const
const PRESENCE = { reason: 'unsupported', why: 'idle time has no collector yet' } as const

/** The compiler wants a reason for each category that wire/event.ts does not list as collected, and no other. */
export const NOT_COLLECTED: { [P in AgentProduct]: Record<Exclude<Observed, CollectedOn<P>>, NotCollected> } = {
  linux: { input_pattern: INPUT_PATTERN, presence: PRESENCE },
  macos: {
    input_pattern: {
      reason: 'denied',
      why: 'macOS lets only programs with the right to Input Monitoring see input devices',
    },
    presence: PRESENCE,
  },
  windows: {
    input_pattern: INPUT_PATTERN,
    presence: PRESENCE,
  },
}

/** By the source, what it would say. */
const NOT_READ: { [P in AgentProduct]: Readonly<Record<string, string>> } = {
  linux: {},
  macos: {},
  windows: {
    'event channels': 'Security, Sysmon and TerminalServices: programs that run for less than a second, ended sessions',
    'AppX packages': 'apps that come as packages',
    'WMI subscriptions': 'programs that start with an event',
  },
}

export function notCollected(product: AgentProduct): Collector<never> {
  return { name: NAME, categories: [], run: (host, policy, signal) => run(host, policy, signal, product) }
}

async function* run(host: Host, policy: Policy, signal: AbortSignal, product: AgentProduct) {
  const all = Object.entries<NotCollected>(NOT_COLLECTED[product]) as [Observed, NotCollected][]
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    for (const [category, { reason, why }] of all)
      if (!policy.off.includes(category)) yield gap(stamp, category, reason, why)
    for (const [source, why] of Object.entries(NOT_READ[product])) yield gap(stamp, source, 'unsupported', why)
    await host.sleep(DAY, signal)
  }
}
