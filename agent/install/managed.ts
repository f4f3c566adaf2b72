/**
 * What a configuration profile of the company sets, on macOS: a payload for the preferences of com.tellwire.agent.
 *
 * Shape   `EnrollmentToken`, `Ring`, `CertificateAuthority` (PEM). macOS writes them into a property list that only root
 *         can write. Nobody sets what is null.
 * Errors  a list that cannot be read sets nothing.
 * Source  Apple's Device Management, ManagedPreferences; written from documentation, no profile has been installed.
 */
import { readFileSync } from 'node:fs'
import { ringName } from '../../wire/messages.ts'
import { attempt } from '../attempt.ts'
import { parsePlist, record, text } from '../collectors/shared/plist.ts'

export interface Managed {
  token: string | null
  ring: string | null
  ca: string | null
}

/** `file`: null where the system has no such profiles. */
export function managedSettings(file: string | null): Managed {
  const found = file === null ? null : attempt(() => record(parsePlist(readFileSync(file))))
  const word = (name: string) => text(found?.[name])?.trim() || null
  const ring = word('Ring')
  return {
    token: word('EnrollmentToken'),
    ring: ringName.safeParse(ring).success ? ring : null,
    ca: word('CertificateAuthority'),
  }
}
