/**
 * Finds one display's description on two connectors of a laptop: some KVMs copy that of the real monitor (#32).
 *
 * Shape   one `hardware` per description and UTC day, when the second connector shows it. A description identifies one
 *         monitor only by its serial number; that of the built-in panel belongs nowhere else at all.
 * Silent  equal descriptions without a serial number, which two cheap monitors of one model have; the same monitor by
 *         two kinds of cable, because the interface is part of the description.
 */
import { isFactorySerial } from '../../../rules/catalogue/usb-shape.ts'
import type { EventOf } from '../../../wire/event.ts'
import { DAY, MINUTE } from '../../../wire/time.ts'
import type { Fold, Note } from '../kit/in-order.ts'

type Display = EventOf<'display'>

interface DisplayNote extends Note {
  action: Display['Action']
  /** The connector; null where the agent does not report it. */
  port: string | null
  /** What identifies the monitor. */
  key: string
  internal: boolean
  name: string | null
  approved: boolean
  firstBoot: number | null
}

/** By connector. */
interface Connected {
  at: [connector: string, key: string, internal: boolean][]
  /** The time of the latest look at everything: it replaces what was known before. */
  lookedAt: number
  /** The days on which a description was reported. */
  told: [key: string, day: number][]
}

/** 'present' reports of one look come within this time. */
const ONE_LOOK_MS = MINUTE
const MAX_CONNECTED = 32
/** Enough of a hash to compare the displays of one laptop: there are notes of every laptop for eight days. */
const KEY_LENGTH = 16

/** Null: what cannot be told from another one of its model. */
export function displayNote(
  { id, time, Action, Port, MakerId, ProductCode, MonitorName, SerialText, Internal, EdidHash }: Display,
  { approved, firstBoot }: { approved: boolean; firstBoot: number | null },
): DisplayNote | null {
  const isOwn = Internal === true ? EdidHash !== null : isUnique(SerialText)
  // A description without a serial number is compared, too: with that of the built-in panel.
  if (!isOwn && EdidHash === null) return null
  const key = EdidHash?.slice(0, KEY_LENGTH) ?? `${MakerId} ${ProductCode} ${SerialText}`
  return {
    ...{ id, time, action: Action, port: Port ?? null, key: isOwn ? key : `model ${key}` },
    ...{ internal: Internal === true, name: MonitorName, approved, firstBoot },
  }
}

export const clonedDisplays: Fold<Connected, DisplayNote> = {
  begin: () => ({ at: [], lookedAt: 0, told: [] }),
  step(state, note, report) {
    if (note.action === 'removed') {
      const gone = state.at.findIndex(([connector, key]) =>
        note.port === null ? connector.startsWith(UNNAMED) && key === note.key : connector === note.port,
      )
      if (gone >= 0) state.at.splice(gone, 1)
      return
    }
    if (note.action === 'present') {
      if (note.time - state.lookedAt > ONE_LOOK_MS) state.at = []
      state.lookedAt = note.time
    }
    const connector = note.port ?? `${UNNAMED}${note.id}`
    // Without the connector, a monitor that is attached again may be on the same one: laptops sleep while it is taken off.
    const isAgain = (it: string, key: string) =>
      note.port === null && note.action === 'attached' && it.startsWith(UNNAMED) && key === note.key
    state.at = state.at.filter(([it, key]) => it !== connector && !isAgain(it, key))
    const twin = state.at.find(([, key, internal]) => isSame(key, internal, note))
    state.at = [...state.at, [connector, note.key, note.internal] as [string, string, boolean]].slice(-MAX_CONNECTED)
    const day = Math.floor(note.time / DAY)
    if (!twin || state.told.some(([key, on]) => key === note.key && on === day)) return
    state.told = [...state.told.filter(([, on]) => on === day), [note.key, day]]
    report(note.time, `clone ${note.key}`, {
      category: 'hardware',
      Device: 'A display that describes itself as another one',
      DeviceId: 'edid-clone',
      DeviceKind: 'ip_kvm',
      MatchedBy: 'clone',
      Signs: note.name,
      Approved: note.approved,
      DaysSinceFirstBoot: note.firstBoot === null ? null : Math.max(0, note.time - note.firstBoot) / DAY,
    })
  },
}

const UNNAMED = 'unnamed '
const MODEL = 'model '

/** Two monitors of one model are not the same; a copy of the built-in panel is, with a serial number or without. */
function isSame(key: string, internal: boolean, note: DisplayNote): boolean {
  if (internal || note.internal) return internal !== note.internal && bare(key) === bare(note.key)
  return key === note.key && !key.startsWith(MODEL)
}

function bare(key: string): string {
  return key.startsWith(MODEL) ? key.slice(MODEL.length) : key
}

function isUnique(serial: string | null): boolean {
  const text = serial?.trim() ?? ''
  return text.length >= 4 && new Set(text).size > 2 && !isFactorySerial(text)
}
