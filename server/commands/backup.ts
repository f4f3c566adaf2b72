/** `tellwire backup`: a checked copy of the data folder, while its server runs or not. */
import { resolve } from 'node:path'
import { defineCommand } from 'citty'
import { Fault } from '../../wire/fault.ts'
import { dataFolderOf } from '../config.ts'
import { type Manifest, makeBackup } from '../store/sqlite/backup.ts'

export const backupCommand = defineCommand({
  meta: { name: 'backup', description: 'Copy the data folder, also while its server runs, and check the copy' },
  args: {
    to: { type: 'positional', required: true, description: 'A folder to make, or one file whose name ends in .tar' },
    'data-folder': { type: 'string', description: "The server's data folder" },
    json: { type: 'boolean', description: 'Print JSON' },
  },
  async run({ args }) {
    refusePostgres(args['data-folder'])
    const to = resolve(args.to)
    const { manifest, checked } = await makeBackup({ folder: dataFolderOf(args['data-folder']), to, now: Date.now() })
    if (args.json) console.log(JSON.stringify({ backup: to, ...manifest }))
    else console.log(`${to}: records 1 to ${manifest.last}, ${megabytes(manifest)} MB, checked`)
    for (const it of checked.lost) console.error(`tellwire: ${it.message}`)
    if (checked.unreadable.length === 0) return
    // The copy is as good as what it was made of, and worth keeping; but somebody has to know.
    for (const it of checked.unreadable) console.error(`tellwire: ${it.message}`)
    process.exitCode = 1
  },
})

/** Its own tools know how to copy it while it is written to; a copy of ours would not be of one moment. */
export function refusePostgres(place: string | undefined): void {
  if (!/^postgres(ql)?:/.test(place ?? '')) return
  throw new Fault('usage', {
    where: '--data-folder',
    todo: 'Back PostgreSQL up, and restore it, with its own tools: pg_dump and pg_restore, or pg_basebackup with WAL archiving.',
  })
}

export function megabytes({ files }: Manifest): number {
  return Math.ceil(files.reduce((sum, it) => sum + it.bytes, 0) / 1_000_000)
}
