/** `tellwire approve`, `tellwire approvals` and `tellwire learning`: what the company says once is its own. */
import { userInfo } from 'node:os'
import { defineCommand } from 'citty'
import type { Approval } from '../../wire/contract.ts'
import { Fault } from '../../wire/fault.ts'
import type { Recorded } from '../../wire/recording.ts'
import { DAY } from '../../wire/time.ts'
import type { AuditEntry } from '../model/user.ts'
import { openReader } from '../roles/read-only.ts'
import { type Approvals, approvals, whatOf } from '../roster/approvals.ts'
import { learning } from '../views/learning.ts'
import type { LearningView } from '../views/schema.ts'
import { configIn, type FolderArgs, folderArgs, folderIn } from './data-folder.ts'
import { submit } from './submit.ts'
import { columns, printable } from './terminal.ts'

const reasonArg = { type: 'string', required: true, description: 'Why, for whoever reads it later' } as const
const byArg = { type: 'string', description: 'Who approves it (default: the user of this command)' } as const

export const approveCommand = defineCommand({
  meta: { name: 'approve', description: "Approve a tool, an exit or a device as the company's own, or a role's" },
  args: {
    company: { type: 'boolean', description: 'For everybody' },
    role: { type: 'string', description: 'For the workers with this role' },
    worker: { type: 'string', description: 'For one worker, beside the contract' },
    tool: { type: 'string', description: 'A tool, in any spelling: NinjaOne' },
    tenant: { type: 'string', description: "Only the tool's tenant of this name" },
    asn: { type: 'string', description: 'An exit, by the number of its network: AS22616' },
    address: { type: 'string', description: 'An exit, by its address or range: 198.51.100.0/24' },
    device: { type: 'string', description: 'A kind of hardware: ip_kvm, capture, jiggler, gadget, sbc' },
    usb: { type: 'string', description: 'Only the hardware with these USB ids: 1d6b:0104' },
    repository: { type: 'string', description: 'A code host or a namespace on it: github.com/acme' },
    program: { type: 'string', description: 'A program that installs others: acme-agent.exe' },
    reason: reasonArg,
    ticket: { type: 'string', description: 'The ticket for it' },
    from: { type: 'string', description: 'From this day on, as 2026-11-30 (default: also all that was seen before)' },
    until: { type: 'string', description: 'Until this day' },
    by: byArg,
    ...folderArgs,
    json: { type: 'boolean', description: 'Print JSON' },
  },
  async run({ args }) {
    const what = thingIn(args)
    const to = args.until === undefined ? null : dayIn(args.until, '--until')
    const from = args.from === undefined ? undefined : dayIn(args.from, '--from')
    const wanted = { ...levelIn(args), ...what, reason: args.reason, ticket: args.ticket ?? null, to, from }
    const made = await within(args, (service, by) => service.approve(wanted, by, null))
    print(args.json, made, `Approved: ${whatOf(made)}.`)
  },
})

const revokeCommand = defineCommand({
  meta: { name: 'revoke', description: 'End an approval now' },
  args: {
    id: { type: 'positional', required: true, description: 'Its id, as `tellwire approvals` prints it' },
    mistake: { type: 'boolean', description: 'It was never in force: what it lowered counts again' },
    by: byArg,
    ...folderArgs,
    json: { type: 'boolean', description: 'Print JSON' },
  },
  async run({ args }) {
    const revoked = await within(args, (service, by) => service.revoke(args.id, args.mistake ?? false, by, null))
    print(args.json, revoked, `Revoked: ${whatOf(revoked)}.`)
  },
})

export const approvalsCommand = defineCommand({
  meta: { name: 'approvals', description: 'Print what the company approves' },
  args: { ...folderArgs, json: { type: 'boolean', description: 'Print JSON, one approval a line' } },
  subCommands: { revoke: revokeCommand },
  async run({ args, rawArgs }) {
    // A sub-command has already run.
    if (rawArgs[0] === 'revoke') return
    const { approvals: all, now } = await viewIn(folderIn(args))
    if (args.json) for (const it of all) console.log(JSON.stringify(it))
    else for (const line of approvalLines(all, now)) console.log(line)
  },
})

const endCommand = defineCommand({
  meta: { name: 'end', description: 'End the learning period: from then on only approvals lower what is found' },
  args: {
    until: { type: 'string', description: 'At the beginning of this day (default: now); a later day extends it' },
    reason: reasonArg,
    by: byArg,
    ...folderArgs,
    json: { type: 'boolean', description: 'Print JSON' },
  },
  async run({ args }) {
    const until = args.until === undefined ? Date.now() : dayIn(args.until, '--until')
    const said = await within(args, (service, by) => service.learnUntil(until, args.reason, by, null))
    print(args.json, said, `The learning period ends at ${new Date(said.until).toISOString()}.`)
  },
})

export const learningCommand = defineCommand({
  meta: { name: 'learning', description: 'Print what the fleet has in common, and what of it is approved' },
  args: { ...folderArgs, json: { type: 'boolean', description: 'Print JSON' } },
  subCommands: { end: endCommand },
  async run({ args, rawArgs }) {
    if (rawArgs[0] === 'end') return
    const view = await viewIn(folderIn(args))
    if (args.json) console.log(JSON.stringify(view))
    else for (const line of learningLines(view)) console.log(line)
  },
})

async function viewIn(folder: string): Promise<LearningView> {
  const { reader, close } = await openReader(folder)
  try {
    return await learning(reader)
  } finally {
    await close()
  }
}

/** `work` uses the same service as the API; what it appends goes to the log. */
async function within<T>(
  args: FolderArgs & { by?: string | undefined },
  work: (service: Approvals, by: string) => Promise<T>,
): Promise<T> {
  const config = configIn(args)
  const { reader, close } = await openReader(config.dataFolder)
  const known = reader.directory.approvals()
  await close()
  const records: Recorded[] = []
  const entries: AuditEntry[] = []
  const service = approvals({
    directory: { approvals: () => [...known] },
    append: async (all) => void records.push(...all),
    audit: (entry) => void entries.push(entry),
    now: Date.now,
  })
  const done = await work(service, args.by ?? userInfo().username)
  const state = records.length > 0 ? await submit(config, records, entries) : 'judged'
  if (state === 'later') console.error('The server stopped; its next start takes it.')
  return done
}

function print(json: boolean | undefined, it: unknown, sentence: string): void {
  console.log(json ? JSON.stringify(it) : printable(sentence))
}

type ApproveArgs = {
  [K in 'role' | 'worker' | 'tool' | 'tenant' | 'asn' | 'address' | 'device' | 'usb' | 'repository' | 'program']?:
    | string
    | undefined
} & { company?: boolean | undefined }

function levelIn({ company, role, worker }: ApproveArgs): Pick<Approval, 'level' | 'role' | 'worker'> {
  const given = [company === true, role !== undefined, worker !== undefined].filter(Boolean).length
  if (given !== 1) throw new Fault('usage', { where: 'approve', todo: 'Say for whom: --company, --role or --worker.' })
  if (company) return { level: 'company', role: null, worker: null }
  return role !== undefined ? { level: 'role', role, worker: null } : { level: 'contract', role: null, worker: worker! }
}

type Thing = Pick<Approval, 'kind'> & Partial<Approval>

function thingIn({ tool, tenant, asn, address, device, usb, repository, program }: ApproveArgs): Thing {
  const things: Thing[] = []
  if (tool !== undefined) things.push({ kind: 'tool', tool, tenant: tenant ?? null })
  if (asn !== undefined) things.push({ kind: 'exit', asn: asnIn(asn) })
  if (address !== undefined) things.push({ kind: 'exit', address })
  if (device !== undefined) {
    const [vendorId = null, productId = null] = usb?.split(':') ?? []
    things.push({ kind: 'hardware', deviceKind: device, vendorId, productId })
  }
  if (repository !== undefined) {
    const [host = '', ...rest] = repository.split('/')
    things.push({ kind: 'repository', host, namespace: rest.join('/') || null })
  }
  if (program !== undefined) things.push({ kind: 'management', program })
  if (things.length !== 1)
    throw new Fault('usage', {
      where: 'approve',
      todo: 'Say what: --tool, --asn, --address, --device, --repository or --program; one at a time.',
    })
  if (tenant !== undefined && tool === undefined)
    throw new Fault('usage', { where: '--tenant', todo: 'A tenant belongs to a tool: give --tool.' })
  return things[0]!
}

function asnIn(text: string): number {
  const asn = Number(/^(?:AS)?(\d{1,10})$/i.exec(text)?.[1] ?? Number.NaN)
  if (Number.isNaN(asn)) throw new Fault('usage', { where: `--asn ${text}`, todo: 'Give a number such as AS22616.' })
  return asn
}

function dayIn(text: string, option: string): number {
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(time)) throw new Fault('usage', { where: `${option} ${text}`, todo: 'Write a day as 2026-11-30.' })
  return time
}

const day = (at: number) => new Date(at).toISOString().slice(0, 10)

function approvalLines(all: LearningView['approvals'], now: number): string[] {
  if (all.length === 0) return ['Nothing is approved beside the contracts.']
  return columns(
    all.map((it) => [
      it.id,
      it.isOver ? 'ended' : it.from > now ? 'later' : 'in force',
      printable(whatOf(it)),
      it.to == null ? '' : `until ${day(it.to)}`,
      printable(it.approvedBy),
      printable(it.reason),
    ]),
  )
}

const KINDS: Record<LearningView['candidates'][number]['kind'], string> = {
  tool: 'tool',
  exit: 'exit',
  hardware: 'hardware',
  display: 'monitor',
  usb: 'USB device',
  management: 'installs tools',
  repository: 'code',
}

function learningLines({ period, now, candidates, workers }: LearningView): string[] {
  const head =
    period === null
      ? 'Nothing was heard yet.'
      : period.until !== null
        ? `The learning period ${period.isOver ? 'ended' : 'ends'} on ${day(period.until)}.`
        : `Learning since ${day(period.from)}, day ${Math.floor((now - period.from) / DAY) + 1}. ${
            now < period.due
              ? `Approve what is yours and end it on ${day(period.due)}: tellwire learning end --reason TEXT.`
              : 'Approve what is yours and end it: tellwire learning end --reason TEXT.'
          }`
  const rows = candidates.map((it) => [
    KINDS[it.kind],
    printable(it.label === it.value ? it.value : `${it.label} (${it.value})`),
    it.tenant === null ? '' : printable(`tenant ${it.tenant}`),
    `${it.workers} of ${it.of}`,
    printable(it.roles.map(({ role, workers: some, of }) => `${role} ${some} of ${of}`).join(', ')),
    it.approved !== null
      ? 'approved'
      : !it.offered
        ? 'rare'
        : it.role === null
          ? ''
          : printable(`for the role ${it.role}`),
  ])
  return [head, ...columns(rows), `${candidates.length} things that at least two of ${workers} workers have.`]
}
