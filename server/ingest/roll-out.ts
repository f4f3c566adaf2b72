/**
 * Roll-outs of agents that are halted, because laptops had to go back from a version.
 *
 * Shape   by version, the laptops that said so. A version is halted once there are `haltAfter` of them, and stays so
 *         until somebody resumes it; then they are forgotten.
 * Errors  a laptop's root can say it, too: so one laptop counts once, and by default one is not enough.
 */
import * as z from 'zod'
import { releaseVersion } from '../../wire/messages.ts'
import type { Values } from '../store/store.ts'

const KEY = 'roll-outs'
/** Laptops that are remembered for one version; the policy lists as many versions. */
const DEVICES_MAX = 100
const VERSIONS_MAX = 16

export const RollOut = z.strictObject({
  version: releaseVersion,
  failures: z.array(z.strictObject({ device: z.string(), at: z.int(), why: z.string() })),
  haltedAt: z.int().nullable(),
})
export type RollOut = z.infer<typeof RollOut>

export interface Failure {
  version: string
  device: string
  at: number
  why: string
}

/** The latest failure last. */
export async function rollOuts(values: Pick<Values, 'get'>): Promise<RollOut[]> {
  return z.array(RollOut).parse(JSON.parse((await values.get(KEY)) ?? '[]'))
}

export async function haltedVersions(values: Pick<Values, 'get'>): Promise<string[]> {
  return (await rollOuts(values)).filter((it) => it.haltedAt !== null).map((it) => it.version)
}

/** Counts failures. Resolves with the versions that are halted from now on. */
export async function noteFailures(
  values: Pick<Values, 'get' | 'compareAndSet'>,
  failures: readonly Failure[],
  { haltAfter, now }: { haltAfter: number; now: number },
): Promise<string[]> {
  return await change(values, (all) => {
    const halted: string[] = []
    for (const { version, ...failure } of failures) {
      if (!releaseVersion.safeParse(version).success) continue
      const before = all.find((it) => it.version === version) ?? { version, failures: [], haltedAt: null }
      const others = before.failures.filter((it) => it.device !== failure.device)
      const after = { ...before, failures: [...others, failure].slice(-DEVICES_MAX) }
      if (after.haltedAt === null && haltAfter > 0 && after.failures.length >= haltAfter) {
        after.haltedAt = now
        halted.push(version)
      }
      all = [...all.filter((it) => it.version !== version), after]
    }
    // A version that is halted must not be forgotten because laptops name versions that do not exist.
    const open = all.filter((it) => it.haltedAt === null).slice(-VERSIONS_MAX)
    const kept = all.filter((it) => it.haltedAt !== null).slice(-VERSIONS_MAX)
    return { all: all.filter((it) => open.includes(it) || kept.includes(it)), result: halted }
  })
}

/** False: it was not halted. */
export function resume(values: Pick<Values, 'get' | 'compareAndSet'>, version: string): Promise<boolean> {
  return change(values, (all) => ({
    all: all.filter((it) => it.version !== version),
    result: all.some((it) => it.version === version && it.haltedAt !== null),
  }))
}

async function change<T>(
  values: Pick<Values, 'get' | 'compareAndSet'>,
  act: (all: RollOut[]) => { all: RollOut[]; result: T },
): Promise<T> {
  for (;;) {
    const text = await values.get(KEY)
    const { all, result } = act(z.array(RollOut).parse(JSON.parse(text ?? '[]')))
    const next = JSON.stringify(all)
    if (next === (text ?? '[]') || (await values.compareAndSet(KEY, text, next))) return result
  }
}
