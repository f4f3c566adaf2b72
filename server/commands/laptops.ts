/** `tellwire laptops`: which laptops are enrolled, and refusing one. Works while the server runs, and when it does not. */
import { randomBytes } from 'node:crypto'
import { defineCommand } from 'citty'
import { Fault } from '../../wire/fault.ts'
import { HOUR } from '../../wire/time.ts'
import { makeUninstallToken } from '../ingest/enrollment.ts'
import { serverKeys } from '../ingest/identity.ts'
import { revoke } from '../ingest/revocation.ts'
import { Reason } from '../model/user.ts'
import { readServerFile } from '../roles/server-file.ts'
import { folderArgs, folderIn, withStore } from './data-folder.ts'
import { columns, printable } from './terminal.ts'

const list = defineCommand({
  meta: { name: 'list', description: 'List the enrolled laptops, and which are revoked, when, by whom and why' },
  args: { ...folderArgs, json: { type: 'boolean', description: 'Print JSON' } },
  async run({ args }) {
    const laptops = await withStore(folderIn(args), 'read', (store) => store.devices.list())
    const shown = laptops.map(({ publicKey: _, revokedBy = null, revokedWhy = null, ...it }) => ({
      ...it,
      ...{ revokedBy, revokedWhy },
    }))
    if (args.json) console.log(JSON.stringify(shown))
    else if (shown.length === 0) console.log('No laptop is enrolled.')
    else
      for (const line of columns(
        shown.map((it) => [
          it.device,
          it.platform,
          `agent ${it.version}`,
          `enrolled ${day(it.enrolledAt)}`,
          it.revokedAt === null
            ? ''
            : `revoked ${day(it.revokedAt)} by ${it.revokedBy ?? 'the command line'}: ${it.revokedWhy}`,
        ]),
      ))
        console.log(printable(line))
  },
})

const revokeCommand = defineCommand({
  meta: {
    name: 'revoke',
    description: 'Refuse a laptop from now on; undone by enrolling it with a token made afterwards',
  },
  args: {
    device: { type: 'positional', required: true, description: "The laptop's id" },
    reason: { type: 'string', required: true, description: 'Why, for the audit trail' },
    ...folderArgs,
  },
  async run({ args }) {
    const reason = Reason.safeParse(args.reason)
    if (!reason.success) throw new Fault('usage', { where: '--reason', why: `It ${reason.error.issues[0]?.message}.` })
    const folder = folderIn(args)
    const isKnown = await withStore(folder, 'change', (store) =>
      revoke(store, args.device, { by: null, why: reason.data, at: Date.now() }),
    )
    if (!isKnown)
      throw new Fault('device.unknown', { where: args.device, todo: 'List the laptops: tellwire laptops list.' })
    const now = readServerFile(folder) ? ' The running server ends its session within seconds.' : ''
    console.log(`${printable(args.device)} is refused from now on. What it has sent is kept.${now}`)
  },
})

const uninstallToken = defineCommand({
  meta: { name: 'uninstall-token', description: 'Make a token with which the agent can be removed from one laptop' },
  args: {
    device: { type: 'positional', required: true, description: "The laptop's id" },
    hours: { type: 'string', default: '72', description: 'How long it is valid' },
    ...folderArgs,
  },
  async run({ args }) {
    const hours = Number(args.hours)
    if (!(hours > 0 && hours <= 8_760)) throw new Fault('usage', { where: '--hours', todo: 'Use 0.1 to 8760.' })
    const at = Date.now()
    const token = await withStore(folderIn(args), 'change', async (store) => {
      if (!(await store.devices.get(args.device))) return null
      const keys = await serverKeys(store.values, randomBytes)
      await store.audit.add({ at, user: null, action: 'uninstall.token', about: args.device, detail: null })
      return makeUninstallToken(args.device, at + Math.round(hours * HOUR), keys)
    })
    if (token === null)
      throw new Fault('device.unknown', { where: args.device, todo: 'List the laptops: tellwire laptops list.' })
    console.log(token)
  },
})

export const laptopsCommand = defineCommand({
  meta: { name: 'laptops', description: 'List the enrolled laptops, refuse one that is lost, let an agent be removed' },
  subCommands: { list, revoke: revokeCommand, 'uninstall-token': uninstallToken },
})

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}
