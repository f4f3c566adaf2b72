/** `tellwire server`: the server alone. */
import { accessSync, constants, existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { defineCommand } from 'citty'
import { Fault } from '../../wire/fault.ts'
import type { Config } from '../config.ts'
import { logger } from '../log.ts'
import { serve } from '../roles/all.ts'
import { configIn } from './data-folder.ts'

export const serverArgs = {
  config: { type: 'string', description: 'The configuration file (YAML)' },
  'data-folder': { type: 'string', description: 'Where the server keeps its data (default: ~/.local/share/tellwire)' },
  host: { type: 'string', description: 'The address to listen on (default: 127.0.0.1)' },
  port: { type: 'string', description: 'The port to listen on; 0 takes a free one (default: 8740)' },
} as const

export type ServerArgs = { [K in keyof typeof serverArgs]?: string | undefined }

export function configOf(args: ServerArgs): Config {
  const config = configIn(args, {
    'listen.host': args.host,
    'listen.port': args.port === undefined ? undefined : portOf(args.port),
  })
  makeFolder(config.dataFolder)
  return config
}

/** Errors  Fault 'usage' for what is not a port. */
export function portOf(text: string): number {
  const port = Number(text)
  if (/^\d+$/.test(text) && port <= 65_535) return port
  throw new Fault('usage', { where: `--port ${text}`, todo: 'Give a number from 0 to 65535.' })
}

/** Errors  Fault 'store.unwritable' for a folder that cannot be made or written. */
export function makeFolder(folder: string): void {
  try {
    makeEach(folder)
    accessSync(folder, constants.W_OK)
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? ''
    const why = code === 'EEXIST' || code === 'ENOTDIR' ? 'It is not a folder.' : `The system says ${code}.`
    throw new Fault('store.unwritable', { where: folder, why, todo: 'Choose another --data-folder.', cause })
  }
}

/** One by one: Node's recursive mkdir never returns for a folder in /proc. */
function makeEach(folder: string): void {
  if (existsSync(folder)) {
    if (!statSync(folder).isDirectory()) throw Object.assign(new Error('not a folder'), { code: 'ENOTDIR' })
    return
  }
  makeEach(dirname(folder))
  mkdirSync(folder, { mode: 0o700 })
}

/** Resolves at the first of the signals. A second one ends the process at once. */
export function untilStopped(signals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM']): Promise<void> {
  return new Promise((resolve) => {
    let asked = false
    for (const signal of signals)
      process.on(signal, () => {
        if (asked) process.exit(1)
        asked = true
        resolve()
      })
  })
}

export const serverCommand = defineCommand({
  meta: { name: 'server', description: 'Run the server alone; agents enroll with tokens from the console' },
  args: serverArgs,
  async run({ args }) {
    const config = configOf(args)
    const running = await serve(config, logger(config.log.level), { reload: () => configOf(args) })
    try {
      console.log(`listening on ${running.url}`)
      console.log(`sign in once with ${await running.oneTimeLink()}`)
      await untilStopped()
    } finally {
      await running.close()
    }
  },
})
