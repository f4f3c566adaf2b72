/** contact.json: whether this run of the agent was acknowledged, for an upgrade that has to decide about its version. */
import * as z from 'zod'
import { writeFileAtomically } from './config.ts'
import type { UplinkStatus } from './uplink/session.ts'

/** `throttled`: the server answers, and has no room for this laptop now. */
export const Contact = z.object({
  version: z.string(),
  pid: z.int(),
  acknowledged: z.boolean(),
  throttled: z.boolean(),
})
export type Contact = z.infer<typeof Contact>

/** Call it every second: it writes when something changed, and no more once the server has acknowledged a batch. */
export function contactWriter(path: string, version: string): (status: UplinkStatus) => void {
  let written = ''
  return ({ lastAckAt, throttled }) => {
    const acknowledged = lastAckAt !== null
    const text = JSON.stringify({ version, pid: process.pid, acknowledged, throttled: throttled && !acknowledged })
    if (text === written) return
    try {
      writeFileAtomically(path, text)
      written = text
    } catch {
      // A full disk: the next second tries again.
    }
  }
}
