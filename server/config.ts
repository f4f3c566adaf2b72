/**
 * One YAML file, one strict schema, units in the names.
 *
 * Shape   what is set later wins: default, file, environment, flag. `TELLWIRE_LISTEN_PORT` is `listen.port`, lists are
 *         separated by commas, 'null' is null. Paths in the file are relative to the file.
 * Errors  Fault 'config.invalid' with file, line and column (or the variable's name) and, for an unknown key, the known
 *         one that looks most like it; Fault 'server.plain' for a listener that others reach without TLS.
 */
import { readFileSync } from 'node:fs'
import { homedir, hostname } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import ipaddr from 'ipaddr.js'
import { isMap, LineCounter, type Node, parseDocument } from 'yaml'
import * as z from 'zod'
import { CATEGORIES, type Category } from '../wire/event.ts'
import { Fault } from '../wire/fault.ts'
import { groupName, Policy, releaseVersion, ringName } from '../wire/messages.ts'
import { nearest } from '../wire/nearest.ts'
import { Thresholds } from './derive/index.ts'
import { LOG_LEVELS } from './log.ts'

const file = z.string().min(1).max(4_096)
const networks = z
  .string()
  .refine((it) => ipaddr.isValid(it) || ipaddr.isValidCIDR(it), 'expected an address or a range such as 10.0.0.0/8')

const category = z.enum(Object.keys(CATEGORIES) as [Category, ...Category[]])
const collection = z.strictObject({
  off: z.array(category).max(64).default([]),
  on: z.array(category).max(64).default([]),
})

export const Config = z.strictObject({
  /** Everything the server keeps. */
  dataFolder: file,
  listen: z
    .strictObject({
      host: z.string().min(1).max(253).default('127.0.0.1'),
      /** 0: any free port. */
      port: z.int().min(0).max(65_535).default(8_740),
    })
    .prefault({}),
  tls: z.strictObject({ certFile: file, keyFile: file }).nullable().default(null),
  /** Host names that agents may connect to, besides localhost, this machine's name and that of `publicUrl`. */
  hostNames: z.array(z.string().min(1).max(253)).max(64).default([]),
  /** How agents and people reach this server; null: the listening address. */
  publicUrl: z
    .url({ protocol: /^https?$/ })
    .nullable()
    .default(null),
  /** Proxies whose X-Forwarded-For header is trusted: addresses or ranges. */
  trustedProxies: z.array(networks).max(64).default([]),
  /** Rules besides the shipped ones; later folders override earlier ones. */
  rulesFolders: z.array(file).max(64).default([]),
  /** Ids of rules to switch on that are off by default for legal reasons; `tellwire rules coverage` lists them. */
  sensitiveRules: z.array(z.string().min(1).max(256)).max(256).default([]),
  /** The values of `%name%` in rules, under `expand`, by name. */
  placeholders: z
    .record(z.string().regex(/^[^%\s]{1,128}$/), z.array(z.string().min(1).max(4_096)).min(1).max(1_000))
    .default({}),
  /** Imported range lists; null: 'feeds' in the data folder. */
  feedsFolder: file.nullable().default(null),
  /**
   * Your own address databases (.mmdb), consulted before the installed ones: GeoLite2, GeoIP2, IPinfo or
   * ip-location-db. `privacyFile` is MaxMind's Anonymous IP or IPinfo's privacy detection. Reloaded when they change.
   */
  geoip: z
    .strictObject({
      cityFile: file.nullable().default(null),
      asnFile: file.nullable().default(null),
      privacyFile: file.nullable().default(null),
    })
    .prefault({}),
  /** Thresholds of the derivers, by deriver: see `server/derive/`. */
  thresholds: Thresholds.prefault({}),
  /**
   * The company's own code hosts and namespaces; without a namespace, the whole host. Code that is sent elsewhere is
   * evidence. What many workers take code from is learnt.
   */
  ourRepositories: z
    .array(z.strictObject({ host: z.string().min(1).max(253), namespace: z.string().min(1).max(256).nullish() }))
    .max(1_000)
    .default([]),
  /** Telemetry older than this is deleted at night; findings keep copies of the events behind them. */
  retentionDays: z.number().min(1).max(3_650).default(90),
  /** Folders that laptops watch for bulk copies, besides removable volumes and the sync folders they recognise. */
  watchedRoots: Policy.shape.watchedRoots.default([]),
  /** Categories to switch off, and sensitive ones to switch on: see `tellwire agent show`. */
  collection: collection.prefault({}),
  /**
   * `versions`: the newest version that each ring of laptops may take, by the ring's name, `default` for those without
   * one; null: any. `shares`: percent of a ring that may take it already. `haltAfter`: a version is halted everywhere
   * when this many laptops had to go back from it; one laptop's word must not be enough, and 0 never halts.
   * `uninstallToken`: removing an agent takes a token, from `tellwire laptops uninstall-token`. `contact`: whom a
   * laptop's user can ask. `slower`: how many times longer the collector of a category pauses.
   * `groups`: by name, what groups of laptops have instead of the above, and their ring.
   */
  agents: z
    .strictObject({
      versions: z.record(ringName, releaseVersion).nullable().default(null),
      shares: Policy.shape.shares.unwrap().default({}),
      haltAfter: z.int().min(0).max(10_000).default(2),
      uninstallToken: z.boolean().default(false),
      contact: Policy.shape.contact.unwrap().nullable().default(null),
      slower: Policy.shape.slower.unwrap().default({}),
      groups: z
        .record(
          groupName,
          z
            .strictObject({
              collection,
              watchedRoots: Policy.shape.watchedRoots,
              ring: ringName,
              uninstallToken: z.boolean(),
              contact: Policy.shape.contact.unwrap(),
              slower: Policy.shape.slower.unwrap(),
            })
            .partial(),
        )
        .default({}),
    })
    .prefault({}),
  enrollTokenHours: z.number().min(0.1).max(720).default(72),
  /**
   * A file with the bearer token for /metrics; null: only for signed-in users, and for this machine without a proxy.
   */
  metricsTokenFile: file.nullable().default(null),
  log: z.strictObject({ level: z.enum(LOG_LEVELS).default('info') }).prefault({}),
  limits: z
    .strictObject({
      sessions: z.int().min(1).default(12_000),
      unproven: z.int().min(1).default(1_000),
      unprovenPerNetwork: z.int().min(1).default(256),
      eventsPerSecond: z.int().min(10).default(2_000),
      eventsBurst: z.int().min(100).default(20_000),
      inFlightBytes: z.int().min(16_777_216).default(268_435_456),
      /** Per laptop: the sustained rate, and the burst, into which a full spool must fit. */
      bytesPerDay: z.int().min(1_048_576).default(268_435_456),
      bytesBurst: z.int().min(1_048_576).default(1_073_741_824),
      /** Disk space that telemetry leaves free. */
      diskReserveBytes: z.int().min(0).default(536_870_912),
      evidencePerHour: z.int().min(0).default(1_000),
      enrollmentsPerMinute: z.int().min(1).default(10),
    })
    .prefault({}),
})
/** As loaded: paths are absolute, and the feeds have a folder. */
export type Config = z.infer<typeof Config> & { feedsFolder: string }

type Path = readonly PropertyKey[]

const NO_SUCH_KEY = 'There is no such key.'

/** `flags` by dotted path, with values of the right type: `{ 'listen.port': 0 }`; undefined ones are ignored. */
export function loadConfig(from: {
  file?: string | null
  env: Readonly<Record<string, string | undefined>>
  flags?: Readonly<Record<string, unknown>>
}): Config {
  const source = from.file ? readFile(from.file) : null
  const base = from.file ? dirname(resolve(from.file)) : process.cwd()
  const values: Record<string, unknown> = { ...source?.values }
  /** The variable or flag that set a path; paths set by the file are missing here. */
  const setBy = new Map<string, string>()
  for (const [path, name] of envNames()) {
    const text = from.env[name]
    if (text === undefined) continue
    assign(values, path.split('.'), typed(text, leaf(path.split('.'))!))
    setBy.set(path, name)
  }
  refuseMisspelt(Object.keys(from.env))
  for (const [path, value] of Object.entries(from.flags ?? {})) {
    if (value === undefined) continue
    assign(values, path.split('.'), value)
    setBy.set(path, `the flag for ${path}`)
  }
  values.dataFolder ??= dataFolderOf(undefined, from.env)

  const parsed = Config.safeParse(values)
  if (!parsed.success) throw invalid(parsed.error.issues[0]!, (path) => setBy.get(path.join('.')) ?? source?.at(path))
  const config = withPaths(parsed.data, base)
  if (!config.tls && !isLoopback(config.listen.host))
    throw new Fault('server.plain', {
      where: setBy.get('listen.host') ?? source?.at(['listen', 'host']) ?? 'listen.host',
      todo: 'Set tls.certFile and tls.keyFile, or listen on 127.0.0.1 behind a proxy.',
    })
  return config
}

/** The data folder: as given, else from the environment, else by the XDG Base Directory Specification. */
export function dataFolderOf(
  given: string | undefined,
  env: Readonly<Record<string, string | undefined>> = process.env,
): string {
  const folder = given ?? env.TELLWIRE_DATA_FOLDER
  return resolve(folder || join(env.XDG_DATA_HOME || join(homedir(), '.local', 'share'), 'tellwire'))
}

/** Every host name under which agents and browsers may reach this server. */
export function ourNames(config: Pick<Config, 'hostNames' | 'publicUrl' | 'listen'>): string[] {
  const { hostNames, publicUrl, listen } = config
  const publicName = publicUrl ? [new URL(publicUrl).hostname] : []
  return [...new Set(['localhost', '127.0.0.1', '::1', hostname(), listen.host, ...publicName, ...hostNames])]
}

function readFile(path: string): { values: Record<string, unknown>; at: (path: Path) => string } {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    const why = `The file cannot be read: ${(cause as NodeJS.ErrnoException).code}.`
    throw new Fault('config.invalid', { where: path, why, todo: 'Check its path and permissions.', cause })
  }
  const lines = new LineCounter()
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return `${path}:${line}:${col}`
  }
  const document = parseDocument(text, { lineCounter: lines })
  const [error] = document.errors
  if (error) throw new Fault('config.invalid', { where: place(error.pos[0]), why: error.message.split('\n')[0]! })
  let values: unknown
  try {
    values = document.toJS() ?? {}
  } catch (cause) {
    // Aliases of aliases that would expand to millions of nodes.
    throw new Fault('config.invalid', { where: path, why: (cause as Error).message, cause })
  }
  if (typeof values !== 'object' || values === null || Array.isArray(values))
    throw new Fault('config.invalid', { where: place(0), todo: 'Write a map of keys to values.' })
  // The position of the key, or of the map it belongs in when the key is missing.
  const at = (keys: Path): string => {
    const holder = keys.length > 1 ? document.getIn(keys.slice(0, -1), true) : document.contents
    const pair = isMap(holder) ? holder.items.find((it) => String(it.key) === String(keys.at(-1))) : undefined
    const node = (pair?.key ?? (keys.length > 0 ? document.getIn(keys, true) : null) ?? holder) as Node | undefined
    return place(node?.range?.[0] ?? 0)
  }
  return { values: values as Record<string, unknown>, at }
}

function invalid(issue: z.core.$ZodIssue, at: (path: Path) => string | undefined): Fault {
  const extra = issue.code === 'unrecognized_keys' ? issue.keys[0]! : null
  const path = extra === null ? issue.path : [...issue.path, extra]
  const name = path.join('.')
  const where = `${at(path) ?? 'configuration'} ${name}`
  if (extra === null) return new Fault('config.invalid', { where, why: issue.message })
  const known = Object.keys(shapeAt(issue.path) ?? {})
  const near = nearest(extra, known)
  const todo = near ? `Did you mean '${near}'?` : `Use one of: ${known.join(', ')}.`
  return new Fault('config.invalid', { where, why: NO_SUCH_KEY, todo })
}

/** `listen.port` → `TELLWIRE_LISTEN_PORT`, for every key that holds a value. */
function envNames(): Map<string, string> {
  const names = new Map<string, string>()
  const walk = (shape: z.core.$ZodShape, prefix: readonly string[]) => {
    for (const key of Object.keys(shape)) {
      const path = [...prefix, key]
      const inner = shapeAt(path)
      if (inner) walk(inner, path)
      else names.set(path.join('.'), `TELLWIRE_${path.map(upperSnake).join('_')}`)
    }
  }
  walk(Config.shape, [])
  return names
}

/** Other programs of ours read TELLWIRE_ variables too, so only a name that looks misspelt is refused. */
function refuseMisspelt(given: readonly string[]): void {
  const known = [...envNames().values()]
  for (const name of given) {
    if (!name.startsWith('TELLWIRE_') || known.includes(name)) continue
    const near = nearest(name, known)
    if (near) throw new Fault('config.invalid', { where: name, why: NO_SUCH_KEY, todo: `Did you mean '${near}'?` })
  }
}

/** The schema at a path, without its defaults and nullability. */
function leaf(path: Path): z.core.$ZodType | null {
  let schema: z.core.$ZodType = Config
  for (const key of path) {
    const shape: z.core.$ZodShape | null = schema instanceof z.ZodObject ? schema.shape : null
    if (!shape || !(key in shape)) return null
    schema = bare(shape[String(key)]!)
  }
  return schema
}

function bare(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodNullable)
    return bare(schema.unwrap())
  return schema
}

function shapeAt(path: Path): z.core.$ZodShape | null {
  const schema = leaf(path)
  return schema instanceof z.ZodObject ? schema.shape : null
}

/**
 * A variable's text converted to the schema's type; text that does not convert is returned for the schema to refuse.
 */
function typed(text: string, schema: z.core.$ZodType): unknown {
  if (text === 'null') return null
  if (schema instanceof z.ZodArray) return text === '' ? [] : text.split(',').map((it) => it.trim())
  if (schema instanceof z.ZodNumber && text.trim() !== '' && Number.isFinite(Number(text))) return Number(text)
  if (schema instanceof z.ZodBoolean && /^(true|false)$/i.test(text)) return text.toLowerCase() === 'true'
  return text
}

function assign(values: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [key, ...rest] = path
  if (rest.length === 0) {
    values[key!] = value
    return
  }
  // A copy: the values read from the file must not change.
  const inner = { ...(values[key!] as Record<string, unknown> | null | undefined) }
  assign(inner, rest, value)
  values[key!] = inner
}

function withPaths(config: z.infer<typeof Config>, base: string): Config {
  const at = (path: string) => resolve(base, path)
  const maybeAt = (path: string | null) => path && at(path)
  const dataFolder = at(config.dataFolder)
  return {
    ...config,
    dataFolder,
    // Paths are appended to it.
    publicUrl: config.publicUrl?.replace(/\/+$/, '') ?? null,
    tls: config.tls && { certFile: at(config.tls.certFile), keyFile: at(config.tls.keyFile) },
    rulesFolders: config.rulesFolders.map(at),
    thresholds: withOurRepositories(config),
    geoip: {
      cityFile: maybeAt(config.geoip.cityFile),
      asnFile: maybeAt(config.geoip.asnFile),
      privacyFile: maybeAt(config.geoip.privacyFile),
    },
    feedsFolder: config.feedsFolder === null ? join(dataFolder, 'feeds') : at(config.feedsFolder),
  }
}

/** As a threshold, so that a change of them is another evaluation. */
function withOurRepositories({ thresholds, ourRepositories }: z.infer<typeof Config>): Config['thresholds'] {
  const all: Record<string, unknown> & Config['thresholds'] = { ...thresholds }
  const known = all.code_destination as { ours?: string[] } | undefined
  const ours = ourRepositories.map(({ host, namespace }) => (namespace ? `${host}/${namespace}` : host))
  if (ours.length > 0) all.code_destination = { ...known, ours: [...(known?.ours ?? []), ...ours] }
  return all
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || (ipaddr.isValid(host) && ipaddr.process(host).range() === 'loopback')
}

function upperSnake(key: string): string {
  return key.replace(/[A-Z]/g, '_$&').toUpperCase()
}
