/** `tellwire server`: the server alone. */
import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { defineCommand } from 'citty'
import { type Config, loadConfig } from '../config.ts'
import { logger } from '../log.ts'
import { serve } from '../roles/all.ts'

export const serverArgs = {
  config: { type: 'string', description: 'The configuration file (YAML)' },
  'data-folder': { type: 'string', description: 'Where the server keeps its data (default: ~/.local/share/tellwire)' },
  host: { type: 'string', description: 'The address to listen on (default: 127.0.0.1)' },
  port: { type: 'string', description: 'The port to listen on; 0 takes a free one (default: 8740)' },
} as const

export type ServerArgs = { [K in keyof typeof serverArgs]?: string | undefined }

export function configOf(args: ServerArgs): Config {
  const config = loadConfig({
    file: args.config ?? null,
    env: process.env,
    flags: {
      dataFolder: args['data-folder'] && resolve(args['data-folder']),
      'listen.host': args.host,
      'listen.port': args.port === undefined ? undefined : Number(args.port),
    },
  })
  mkdirSync(config.dataFolder, { recursive: true, mode: 0o700 })
  return config
}

/** Resolves at the first SIGINT or SIGTERM. A second one ends the process at once. */
export function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
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
    console.log(`listening on ${running.url}`)
    console.log(`sign in once with ${await running.oneTimeLink()}`)
    await untilStopped()
    await running.close()
  },
})
