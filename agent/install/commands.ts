/** `tellwire agent install · check · upgrade · uninstall`: what an IT department runs, or its packages do. */
import { spawn } from 'node:child_process'
import { arch } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { defineCommand } from 'citty'
import { Fault } from '../../wire/fault.ts'
import { printable } from '../../wire/printable.ts'
import { agentFolder, agentPaths, loadConfig } from '../config.ts'
import { thisSystem } from '../host/systems.ts'
import { loadKey } from '../identity.ts'
import { lastPolicy } from '../policy.ts'
import { AGENT_VERSION } from '../version.ts'
import { sayGoodbye } from './goodbye.ts'
import { install, saveSettings } from './install.ts'
import { placesOf } from './places.ts'
import { serviceOf } from './service.ts'
import { uninstall } from './uninstall.ts'
import { DEADLINE_MS, judgeNext, keepForNext, type UpgradeDeps, upgradeFrom, upgradeStaged } from './upgrade.ts'
import { writeWord } from './word.ts'

const folder = {
  type: 'string',
  valueHint: 'path',
  description: 'The folder of the agent, if it is not the default',
} as const

const settings = {
  token: { type: 'string', description: 'The one-time token for the enrollment, tw1.…' },
  ca: {
    type: 'string',
    valueHint: 'file',
    description: "PEM file of the authority that signed the server's certificate",
  },
  ring: {
    type: 'string',
    valueHint: 'name',
    description: 'The ring of this laptop in staged roll-outs (default: default)',
  },
} as const

export const installCommand = defineCommand({
  meta: { name: 'install', description: 'Install this version as a service of the system, from its unpacked package' },
  args: {
    ...settings,
    'settings-only': {
      type: 'boolean',
      description: 'Only write token, authority and ring, and that this version is in force: an .msi brings the rest',
    },
  },
  run({ args }) {
    const { product } = thisSystem()
    const places = placesOf(product)
    const given = { token: args.token || null, caFile: args.ca || null, ring: args.ring || null }
    if (args['settings-only']) {
      saveSettings(places, given)
      serviceOf(product).pointTo?.(join(places.versions, AGENT_VERSION))
      return writeWord(places.current, AGENT_VERSION)
    }
    const from = dirname(process.execPath)
    install({ places, product, service: serviceOf(product), version: AGENT_VERSION, from, settings: given })
    console.log(printable(`Version ${AGENT_VERSION} is installed in ${places.program} and runs.`))
  },
})

/** Run by an upgrade, as the new version, before that is started. */
export const checkCommand = defineCommand({
  meta: { name: 'check', description: 'Check whether this version can run here, and print its number' },
  args: { folder },
  run({ args }) {
    const at = folderOf(args)
    const sample = Buffer.from('tellwire')
    if (!zstdDecompressSync(zstdCompressSync(sample)).equals(sample)) throw new Error('zstd does not work')
    const { serverKey } = isEnrolled(at) ?? {}
    if (serverKey !== undefined) {
      loadKey(agentPaths(at).key)
      lastPolicy(agentPaths(at).policy, serverKey)
    }
    console.log(AGENT_VERSION)
  },
})

export const upgradeCommand = defineCommand({
  meta: { name: 'upgrade', description: 'Take a signed package into force; go back if it does not work' },
  args: {
    file: {
      type: 'positional',
      required: false,
      description: 'tellwire-agent-VERSION-SYSTEM.tar.gz, its .sig beside it',
    },
    keep: {
      type: 'boolean',
      description: 'For an .msi that takes the place of this version: keep it beside, and let it judge the next one',
    },
    next: { type: 'boolean', description: 'As a kept version: judge the one that an .msi puts into force' },
    staged: { type: 'boolean', description: 'The version that a package manager has put beside the one in force' },
    minutes: {
      type: 'string',
      default: '10',
      description: 'How long it may take until the server acknowledges a batch',
    },
    folder,
  },
  async run({ args }) {
    const minutes = Number(args.minutes)
    if (!(minutes > 0 && minutes <= 1_440)) throw new Fault('usage', { where: '--minutes', todo: 'Use 0.1 to 1440.' })
    const ways = [args.file !== undefined, args.staged, args.keep, args.next].filter((it) => it === true)
    if (ways.length !== 1)
      throw new Fault('usage', {
        why: 'It takes either a file or one of --staged, --keep and --next.',
        todo: 'See: tellwire agent upgrade --help.',
      })
    const deps = upgradeDeps(folderOf(args), minutes === 10 ? DEADLINE_MS : minutes * 60_000)
    if (args.keep) return keep(deps)
    if (args.next) return void (await judgeNext(deps))
    try {
      const version = args.file === undefined ? await upgradeStaged(deps) : await upgradeFrom(args.file, deps)
      console.log(version === null ? 'No version is waiting.' : printable(`Version ${version} is in force.`))
    } catch (cause) {
      // A policy that does not allow it yet is no failure of the service that asks at each change.
      if (!args.staged || !(cause instanceof Fault) || cause.code !== 'upgrade.waiting') throw cause
      console.log(printable(cause.message))
    }
  },
})

/** It must outlive this, and be in nobody's way: in a folder of its own, Windows would not remove that. */
function keep({ places, folder }: UpgradeDeps): void {
  sayGoodbye(folder, 'upgrade')
  const at = join(places.versions, keepForNext(places))
  const args = [join(at, 'agent.mjs'), 'agent', 'upgrade', '--next', '--folder', folder]
  const cwd = process.env.SystemRoot ?? '/'
  spawn(join(at, places.node), args, { cwd, detached: true, stdio: 'ignore', windowsHide: true }).unref()
}

export const uninstallCommand = defineCommand({
  meta: { name: 'uninstall', description: 'Remove the agent with everything it keeps; the server is told' },
  args: {
    token: { type: 'string', description: 'A token of the server for this, if its policy demands one' },
    packaged: { type: 'boolean', description: 'Only stop it and say goodbye: a package manager removes the files' },
    folder,
  },
  run({ args }) {
    const { product } = thisSystem()
    const at = folderOf(args)
    const config = isEnrolled(at)
    uninstall({
      places: placesOf(product),
      folder: at,
      service: serviceOf(product),
      product,
      enrolled: config && { config, policy: policyIn(at, config.serverKey) },
      now: Date.now(),
      packaged: args.packaged === true,
      token: args.token || null,
    })
    // Windows Installer gives its actions no streams, and a line to nowhere is a failure.
    if (!args.packaged) console.log('The agent and everything it kept are removed.')
  },
})

function upgradeDeps(folder: string, deadlineMs: number): UpgradeDeps {
  const { product, platform } = thisSystem()
  const config = isEnrolled(folder)
  const policy = config && policyIn(folder, config.serverKey)
  return {
    places: placesOf(product),
    folder,
    service: serviceOf(product),
    system: `${platform === 'win32' ? 'win' : platform}-${arch()}`,
    enrolled: config && policy && { device: config.device, policy },
    // Stands still while the laptop sleeps, on Linux and macOS.
    clock: { awakeMs: () => performance.now(), sleep: (ms) => delay(ms) },
    deadlineMs,
    say: (line) => console.log(printable(line)),
  }
}

function isEnrolled(folder: string) {
  try {
    return loadConfig(folder)
  } catch (cause) {
    if (cause instanceof Fault && cause.code === 'agent.not_enrolled') return null
    throw cause
  }
}

/** Null: there is none, or it is not this server's. The agent asks for a new one. */
function policyIn(folder: string, serverKey: string) {
  try {
    return lastPolicy(agentPaths(folder).policy, serverKey)
  } catch {
    return null
  }
}

function folderOf(args: { folder?: string | undefined }): string {
  return agentFolder(args.folder, process.env, process.getuid?.(), thisSystem())
}
