/** What a device becomes when it is stored: the same in every engine. A revocation is never lost, nor is a group. */
import { Fault } from '../../wire/fault.ts'
import type { Enrolled, Revocation } from '../model/device.ts'

/** `before`: as stored until now. */
export function saved(given: Enrolled, before: Enrolled | null): Enrolled {
  const laptop = inGroup(given, before)
  if (!before || before.revokedAt === null || laptop.revokedAt !== null) return laptop
  const { revokedAt, revokedBy, revokedWhy } = before
  return {
    ...laptop,
    revokedAt,
    ...(revokedBy !== undefined && { revokedBy }),
    ...(revokedWhy !== undefined && { revokedWhy }),
  }
}

/** Errors  Fault 'device.revoked' when the token was not made after the revocation. */
export function enrolledAgain(laptop: Enrolled, before: Enrolled | null, tokenMadeAt: number): Enrolled {
  if (!before) return laptop
  if (before.revokedAt !== null && before.revokedAt >= tokenMadeAt)
    throw new Fault('device.revoked', { where: laptop.device, todo: 'Use a token made after the revocation.' })
  return { ...inGroup(laptop, before), firstBoot: Math.min(laptop.firstBoot, before.firstBoot) }
}

/** Whoever stores a laptop without a word about its group leaves it where it is. */
function inGroup(laptop: Enrolled, before: Enrolled | null): Enrolled {
  return laptop.group === undefined && before?.group != null ? { ...laptop, group: before.group } : laptop
}

/** Revoking again also refuses the tokens made meanwhile. The clock may have been set back in between. */
export function revoked(before: Enrolled, { at, by, why }: Revocation): Enrolled {
  return { ...before, revokedAt: Math.max(at, before.revokedAt ?? at), revokedBy: by, revokedWhy: why }
}

export function tokenRefused(): Fault {
  return new Fault('enroll.token', { todo: 'Ask the security team for a new one.' })
}
