/** `tellwire backup`: a checked copy of the data folder, whether its server runs or not. */
import { resolve } from 'node:path'
import { defineCommand } from 'citty'
import { Fault } from '../../wire/fault.ts'
import { type Manifest, makeBackup } from '../store/sqlite/backup.ts'
import { folderArgs, folderIn } from './data-folder.ts'
import { progress, share } from './progress.ts'
import { printable } from './terminal.ts'

export const backupCommand = defineCommand({
  meta: { name: 'backup', description: 'Copy the data folder, even while its server runs, and check the copy' },
  args: {
    to: { type: 'positional', required: true, description: 'A folder to make, or one file whose name ends in .tar' },
    ...folderArgs,
    json: { type: 'boolean', description: 'Print JSON' },
  },
  async run({ args }) {
    refusePostgres(args['data-folder'])
    const to = resolve(args.to)
    const folder = folderIn(args)
    const shown = progress()
    const { manifest, checked } = await makeBackup({
      ...{ folder, to, now: Date.now() },
      onStep: (...step) => shown.show(share(...step)),
    }).finally(() => shown.end())
    if (args.json) console.log(JSON.stringify({ backup: to, ...manifest }))
    else console.log(printable(`${to}: records 1 to ${manifest.last}, ${megabytes(manifest)} MB, checked`))
    for (const it of checked.lost) console.error(`tellwire: ${printable(it.message)}`)
    if (checked.unreadable.length === 0) return
    // The copy is as good as its source and worth keeping, but the operator must learn of the damage.
    for (const it of checked.unreadable) console.error(`tellwire: ${printable(it.message)}`)
    process.exitCode = 1
  },
})

/** PostgreSQL's own tools can copy it while it is being written; our copy would mix several moments. */
export function refusePostgres(place: string | undefined): void {
  if (!/^postgres(ql)?:/.test(place ?? '')) return
  throw new Fault('usage', {
    where: '--data-folder',
    todo: 'Use the tools of PostgreSQL to back it up: pg_dump and pg_restore, or pg_basebackup with WAL archiving.',
  })
}

export function megabytes({ files }: Manifest): number {
  return Math.ceil(files.reduce((sum, it) => sum + it.bytes, 0) / 1_000_000)
}
