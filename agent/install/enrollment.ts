/**
 * Enrollment without anybody at the laptop: the service waits for a token that IT put there, in a file or a configuration
 * profile, and uses it.
 *
 * Shape   the token's file is removed once it was used. A refused token is tried again hourly, because the file may be
 *         replaced; an unreachable server soon, with full jitter, because a whole fleet may start at once.
 * Errors  nothing is thrown but a failure to write the agent's own folder: that one needs somebody.
 */
import { existsSync, rmSync } from 'node:fs'
import { Fault } from '../../wire/fault.ts'
import { HOUR } from '../../wire/time.ts'
import { agentPaths, writeFileAtomically } from '../config.ts'
import type { Logger } from '../log.ts'
import { backoffMs } from '../uplink/backoff.ts'
import { managedSettings } from './managed.ts'
import type { Places } from './places.ts'
import { readWord } from './word.ts'

/** How often the service looks for a token: one `stat`. */
const LOOK_MS = 15_000
const RETRY = { baseMs: 5_000, capMs: 10 * 60_000 }

export interface WaitOptions {
  folder: string
  places: Pick<Places, 'enrollment' | 'ca' | 'managed'>
  enroll(token: string, caFile: string | null): Promise<unknown>
  /** 0 <= fraction < 1. */
  random(): number
  sleep(ms: number, signal: AbortSignal): Promise<void>
  log: Logger
}

/** Resolves when the laptop is enrolled, or at the signal. */
export async function waitForEnrollment(options: WaitOptions, signal: AbortSignal): Promise<void> {
  const { folder, places, enroll, random, sleep, log } = options
  let failures = 0
  for (let isFirst = true; !signal.aborted && !existsSync(agentPaths(folder).config); isFirst = false) {
    const managed = managedSettings(places.managed)
    const token = readWord(places.enrollment) ?? managed.token
    if (token === null) {
      if (isFirst) log.info({ file: places.enrollment }, 'not enrolled; waiting for a token in this file')
      await sleep(LOOK_MS, signal)
      continue
    }
    try {
      if (managed.ca !== null && !existsSync(places.ca)) writeFileAtomically(places.ca, `${managed.ca}\n`)
      await enroll(token, existsSync(places.ca) ? places.ca : null)
    } catch (cause) {
      if (!(cause instanceof Fault) || cause.code === 'store.unwritable') throw cause
      log.warn({ code: cause.code, why: cause.message }, 'enrollment failed; retrying')
      const isRefused = cause.code === 'enroll.token' || cause.code === 'device.revoked'
      await sleep(isRefused ? HOUR * (0.5 + random() / 2) : backoffMs(++failures, random, RETRY), signal)
      continue
    }
    rmSync(places.enrollment, { force: true })
  }
}
