/** `tellwire restore`: restores a data folder from a backup. */
import { resolve } from 'node:path'
import { defineCommand } from 'citty'
import { restoreBackup } from '../store/sqlite/backup.ts'
import { megabytes, refusePostgres } from './backup.ts'
import { folderArgs, folderIn } from './data-folder.ts'
import { progress, share } from './progress.ts'
import { printable } from './terminal.ts'

export const restoreCommand = defineCommand({
  meta: { name: 'restore', description: 'Restore a backup into a data folder that no server uses' },
  args: {
    from: { type: 'positional', required: true, description: 'The backup that `tellwire backup` made' },
    ...folderArgs,
    force: { type: 'boolean', description: 'Move the current contents of the data folder aside' },
    json: { type: 'boolean', description: 'Print JSON' },
  },
  async run({ args }) {
    refusePostgres(args['data-folder'])
    const from = resolve(args.from)
    const folder = folderIn(args)
    const force = args.force ?? false
    const shown = progress()
    const { manifest, checked, aside } = await restoreBackup({
      ...{ from, folder, force, now: Date.now() },
      onStep: (...step) => shown.show(share(...step)),
    }).finally(() => shown.end())
    const madeAt = new Date(manifest.madeAt).toISOString()
    if (args.json) console.log(JSON.stringify({ folder, aside, ...manifest }))
    else {
      console.log(
        printable(`${folder}: records 1 to ${manifest.last} as of ${madeAt}, ${megabytes(manifest)} MB, checked`),
      )
      if (aside) console.log(`the old contents are in ${aside}`)
      console.log('start the server: laptops send again what they still have')
    }
    for (const it of [...checked.lost, ...checked.unreadable]) console.error(`tellwire: ${printable(it.message)}`)
  },
})
