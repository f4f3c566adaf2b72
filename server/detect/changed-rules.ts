/**
 * Re-evaluates the whole log by the changed rules only, after a rule, a filter or a correlation was edited.
 *
 * Shape   derivers do not depend on rules, so the derived events in force are taken as they are, each with the contract
 *         that was known when it was emitted. Of the rest of the log, only records that these rules can match are read.
 *         The result is a detector with the findings that the whole pipeline would have made by these rules.
 */
import { setImmediate } from 'node:timers/promises'
import { foldName } from '../../wire/common.ts'
import type { Category } from '../../wire/event.ts'
import type { Fault } from '../../wire/fault.ts'
import type { Recorded, RecordedOf } from '../../wire/recording.ts'
import { sourceOf, World } from '../derive/kit/world.ts'
import type { History } from '../store/history.ts'
import { Accounts } from './accounts.ts'
import type { DerivedEvent } from './derived-events.ts'
import { Detector } from './detector.ts'
import { type LogClock, stampOf } from './log-clock.ts'
import type { Subset } from './subset.ts'

export interface ChangedRulesDeps {
  history: Pick<History, 'scan'>
  /** In order of position. */
  derived: readonly DerivedEvent[]
  /** As it is at `upTo`: it knows which stamps were held. */
  clock: LogClock
  upTo: number
  signal: AbortSignal
  onProgress(progress: { position: number; last: number }): void
  onDamaged(fault: Fault): void
}

export async function evaluateChangedRules(subset: Subset, deps: ChangedRulesDeps): Promise<Detector> {
  const { history, derived, clock, upTo, signal, onProgress, onDamaged } = deps
  const detector = new Detector(subset.program, subset.correlations)
  const world = new World()
  const accounts = new Accounts()
  const { categories, literals } = subset.reads
  let nextDerived = 0
  let reportedAt = performance.now()
  const scan = history.scan(
    {
      categories: categories && ([...categories] as Category[]),
      after: 0,
      upTo,
      ...(literals ? { literals } : {}),
    },
    { onDamaged },
  )
  for await (const block of scan) {
    for (const { position, record } of block) {
      takeDerived(position)
      const stamp = stampOf(record)
      if (stamp !== null && !clock.wasHeldAt(position)) detector.advance(Math.min(stamp, clock.time))
      take(record)
    }
    await setImmediate()
    signal.throwIfAborted()
    if (performance.now() < reportedAt + 1_000) continue
    reportedAt = performance.now()
    onProgress({ position: block.at(-1)?.position ?? 0, last: upTo })
  }
  takeDerived(Number.POSITIVE_INFINITY)
  detector.advance(clock.time)
  return detector

  /** Takes the derived events that were emitted before the record at `position` was taken. */
  function takeDerived(position: number): void {
    for (let it = derived[nextDerived]; it && it.position < position; it = derived[++nextDerived]) {
      const { event, device, worker } = it
      detector.take(event, { device, worker }, world.contractAt(worker, event.time), true)
    }
  }

  function take(record: Recorded): void {
    switch (record.type) {
      case 'contract':
        world.addContract(record)
        // As in the pipeline: an account that is declared later takes its earlier events.
        for (const { account, lines, ids, isWhole } of accounts.claim(foldName(record.worker), world)) {
          for (const id of ids) detector.forget(id)
          if (isWhole) for (const it of detector.findings.of(account)) detector.findings.remove(it.id)
          for (const line of lines) takeFeed(line)
        }
        return
      case 'device':
        world.addDevice(record)
        return
      case 'event': {
        if (record.conflict) return
        const { device, worker, contract } = world.contextOf(record.device, record.event.time)
        detector.take(record.event, { device, worker }, contract)
        return
      }
      case 'feed': {
        takeFeed(record)
      }
    }
  }

  function takeFeed(line: RecordedOf<'feed'>): void {
    const { worker: account, time, event } = line
    const worker = account === null ? null : world.workerOf(account, sourceOf(event), time)
    const mayBeUndone = accounts.take(line, worker, world)
    detector.take(event, { device: null, worker }, world.contractAt(worker, time), mayBeUndone)
  }
}
