/**
 * What a display says of itself, and when two connectors show one and the same: some KVMs copy the description of the
 * real monitor (#32).
 *
 * Shape   a description identifies one monitor only by its serial number; that of the built-in panel belongs nowhere
 *         else at all.
 * Silent  equal descriptions without a serial number, which two cheap monitors of one model have; the same monitor by
 *         two kinds of cable, because the interface is part of the description.
 */
import { isFactorySerial } from '../../../rules/catalogue/usb-shape.ts'
import type { EventOf } from '../../../wire/event.ts'

type Display = EventOf<'display'>

export interface Screen {
  key: string
  /** False: another one of its model says the same. */
  unique: boolean
  internal: boolean
  /** False: the agent does not report connectors. */
  port: boolean
  name: string | null
}

/** Enough of a hash to compare the displays of one laptop. */
const KEY_LENGTH = 16

/** Null: nothing that identifies it. */
export function screenOf(event: Display): Screen | null {
  const { Port, MakerId, ProductCode, MonitorName, SerialText, Internal, EdidHash } = event
  const unique = isUnique(SerialText)
  if (EdidHash === null && !unique) return null
  const key = EdidHash?.slice(0, KEY_LENGTH) ?? `${MakerId} ${ProductCode} ${SerialText}`
  return { key, unique, internal: Internal === true, port: Port != null, name: MonitorName }
}

export function isSameScreen(a: Screen, b: Screen): boolean {
  return a.key === b.key && (a.internal !== b.internal || (a.unique && !a.internal))
}

/** What is the same when a display is reported as present, attached and removed. */
export function screenName({ Port, MakerId, ProductCode, SerialText, EdidHash }: Display): string {
  return `${Port ?? ''} ${MakerId} ${ProductCode} ${SerialText} ${EdidHash?.slice(0, KEY_LENGTH)}`
}

function isUnique(serial: string | null): boolean {
  const text = serial?.trim() ?? ''
  return text.length >= 4 && new Set(text).size > 2 && !isFactorySerial(text)
}
