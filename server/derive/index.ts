/** Every deriver, in the order they run: one sees what those before it emitted. */
import { bulkCopy } from './bulk-copy.ts'
import { connection } from './connection.ts'
import type { Deriver } from './deriver.ts'
import { hardware } from './hardware.ts'
import { identityConflict } from './identity-conflict.ts'
import { placeMismatch } from './place-mismatch.ts'
import { silence } from './silence.ts'
import { tool } from './tool.ts'

export interface DeriverOptions {
  silenceHours: number
}

export function derivers(options: DeriverOptions): Deriver[] {
  return [
    connection(),
    placeMismatch(),
    tool(),
    hardware(),
    bulkCopy(),
    identityConflict(),
    silence({ afterHours: options.silenceHours }),
  ]
}
