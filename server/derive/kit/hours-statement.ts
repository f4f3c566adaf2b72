/** Hours of an activity on one laptop, or days with it, as a `volume_anomaly` without a comparison with own habit or peers. */

import type { EventOf } from '../../../wire/event.ts'
import { DAY } from '../../../wire/time.ts'
import type { Statement } from './statements.ts'
import type { World } from './world.ts'

export function hoursStatement(
  world: World,
  device: string,
  time: number,
  { metric, value, windowDays }: { metric: EventOf<'volume_anomaly'>['Metric']; value: number; windowDays: number },
): Statement {
  const worker = world.holderAt(device, time)
  const start = world.contractAt(worker, time)?.start
  return {
    about: { device, worker, time },
    key: `${metric} ${windowDays}`,
    draft: {
      category: 'volume_anomaly',
      Metric: metric,
      Value: Math.round(value * 100) / 100,
      OwnMedian: null,
      OwnP99: null,
      PeerP99: null,
      Z: null,
      WindowDays: windowDays,
      DaysSinceStart: start == null ? null : Math.max(0, time - start) / DAY,
    },
  }
}
