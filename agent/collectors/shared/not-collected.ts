/**
 * Says what this agent does not collect on this system, so that silence about it is not taken for absence.
 *
 * Shape   a gap 'unsupported' for each category without a collector, at the start and then every hour; for one that the
 *         policy has to switch on, only if it does. `blind`: parts of categories that are collected, which do not impair
 *         the rest.
 */
import type { AgentProduct } from '../../../wire/common.ts'
import { AGENT_CATEGORIES, CATEGORIES } from '../../../wire/event.ts'
import type { Policy } from '../../../wire/messages.ts'
import { HOUR } from '../../../wire/time.ts'
import { type Collector, gap } from '../../collect.ts'
import type { Host } from '../../host/host.ts'

const NAME = 'not-collected'

export const notCollected = (product: AgentProduct, blind: readonly string[] = []): Collector<never> => ({
  name: NAME,
  categories: [],
  run: (host, policy, signal) => run(host, product, blind, policy, signal),
})

async function* run(host: Host, product: AgentProduct, blind: readonly string[], policy: Policy, signal: AbortSignal) {
  const missing = AGENT_CATEGORIES.filter((it) => !CATEGORIES[it].on.includes(product) && !policy.off.includes(it))
  while (!signal.aborted) {
    const stamp = { time: host.now(), collector: NAME }
    for (const it of missing) yield gap(stamp, it, 'unsupported', 'this agent does not collect it on this system')
    for (const it of blind) yield gap(stamp, it, 'unsupported', 'this agent does not read it')
    await host.sleep(HOUR, signal)
  }
}
