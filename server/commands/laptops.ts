/** `tellwire laptops`: which laptops are enrolled, and refusing one. Works while the server runs, and when it does not. */
import { randomBytes } from 'node:crypto'
import { defineCommand } from 'citty'
import { Fault } from '../../wire/fault.ts'
import { HOUR } from '../../wire/time.ts'
import { makeUninstallToken } from '../ingest/enrollment.ts'
import { knownGroup, regroup } from '../ingest/groups.ts'
import { serverKeys } from '../ingest/identity.ts'
import { revoke } from '../ingest/revocation.ts'
import { resume, rollOuts } from '../ingest/roll-out.ts'
import { Reason } from '../model/user.ts'
import { readServerFile } from '../roles/server-file.ts'
import { configIn, folderArgs, folderIn, withStore } from './data-folder.ts'
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
          it.group ?? '',
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
    if (!isKnown) throw unknownLaptop(args.device)
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
    if (token === null) throw unknownLaptop(args.device)
    console.log(token)
  },
})

const group = defineCommand({
  meta: { name: 'group', description: 'Move a laptop to a group of the configuration, or out of every group' },
  args: {
    device: { type: 'positional', required: true, description: "The laptop's id" },
    group: { type: 'positional', required: false, description: 'A name under agents.groups; omitted: no group' },
    ...folderArgs,
  },
  async run({ args }) {
    const config = configIn(args)
    const to = args.group ?? null
    knownGroup(to, Object.keys(config.agents.groups))
    const isKnown = await withStore(config.dataFolder, 'change', (store) =>
      regroup(store, args.device, to, { by: null, at: Date.now() }),
    )
    if (!isKnown) throw unknownLaptop(args.device)
    const now = readServerFile(config.dataFolder) ? ' A connected laptop gets the policy within half a minute.' : ''
    console.log(`${printable(args.device)} is ${to === null ? 'in no group' : `in group ${to}`}.${now}`)
  },
})

const rollOutsCommand = defineCommand({
  meta: { name: 'roll-outs', description: 'List the versions that laptops had to go back from, and which are halted' },
  args: { ...folderArgs, json: { type: 'boolean', description: 'Print JSON' } },
  async run({ args }) {
    const found = await withStore(folderIn(args), 'read', (store) => rollOuts(store.values))
    if (args.json) console.log(JSON.stringify(found))
    else if (found.length === 0) console.log('No laptop had to go back from a version.')
    for (const { version, failures, haltedAt } of args.json ? [] : found) {
      console.log(`${version}: ${haltedAt === null ? 'not halted' : `halted ${day(haltedAt)}`}`)
      for (const { device, at, why } of failures) console.log(printable(`  ${device}  ${day(at)}  ${why}`))
    }
  },
})

const resumeCommand = defineCommand({
  meta: { name: 'resume', description: 'Let laptops take a halted version again; failures so far are forgotten' },
  args: {
    version: { type: 'positional', required: true, description: 'As in `tellwire laptops roll-outs`' },
    ...folderArgs,
  },
  async run({ args }) {
    const at = Date.now()
    const isHalted = await withStore(folderIn(args), 'change', async (store) => {
      if (!(await resume(store.values, args.version))) return false
      await store.audit.add({ at, user: null, action: 'roll-out.resumed', about: args.version, detail: null })
      return true
    })
    if (!isHalted)
      throw new Fault('usage', {
        where: args.version,
        why: 'It is not halted.',
        todo: 'List them: tellwire laptops roll-outs.',
      })
    console.log(`${printable(args.version)} may be taken again.`)
  },
})

export const laptopsCommand = defineCommand({
  meta: {
    name: 'laptops',
    description: 'The enrolled laptops: list, refuse, group, let an agent be removed; roll-outs and their halt',
  },
  subCommands: {
    ...{ list, revoke: revokeCommand, group, 'uninstall-token': uninstallToken },
    ...{ 'roll-outs': rollOutsCommand, resume: resumeCommand },
  },
})

function unknownLaptop(device: string): Fault {
  return new Fault('device.unknown', { where: device, todo: 'List the laptops: tellwire laptops list.' })
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}
