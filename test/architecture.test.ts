/** The dependency rules (ARCHITECTURE.md): what each folder may import. No file imports itself, even indirectly. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))

/** Folders of the server that those above may use; each may use the ones before it in its own row. */
const MODEL = ['server/model/']
const STORE = [...MODEL, 'server/store/']
const DERIVE = [...MODEL, 'server/derive/']
const LOG = ['server/log.ts']

/** folder → what it may import besides itself, and why not more. The longest name wins. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  // The contract can be used anywhere: schemas and types, no I/O.
  'wire/': ['zod'],
  // The engine is pure: no clock, no files, nothing of the server. Its libraries are YAML and regular expressions.
  'rules/language/': ['wire/', 'yaml', 're2js'],
  'rules/': ['wire/', 'zod', 'node:'],
  // A collector yields observations, and does not know who stores or sends them; each operating system has its own.
  'agent/collectors/': ['agent/collect.ts', 'agent/host/host.ts', 'agent/redact/', 'wire/', 'node:', 'chokidar'],
  // A system's own calls: collectors know only their interface.
  'agent/collectors/linux/': [
    ...['agent/collect.ts', 'agent/host/host.ts', 'agent/host/linux/calls.ts', 'agent/redact/'],
    ...['agent/collectors/shared/', 'wire/', 'node:'],
  ],
  'agent/collectors/windows/': [
    ...['agent/collect.ts', 'agent/host/host.ts', 'agent/host/windows/calls.ts', 'agent/redact/'],
    ...['agent/collectors/shared/', 'wire/', 'node:'],
  ],
  'agent/collectors/macos/': [
    ...['agent/collect.ts', 'agent/host/host.ts', 'agent/host/macos/calls.ts', 'agent/redact/'],
    ...['agent/collectors/shared/', 'wire/', 'node:'],
  ],
  // Puts them together.
  'agent/collectors/index.ts': ['agent/collect.ts', 'agent/collectors/', 'agent/host/', 'wire/'],
  'agent/host/': ['agent/collectors/shared/', 'wire/', 'node:', 'koffi'],
  'agent/': ['wire/', 'bin/cli.ts', 'bin/lean.js', 'node:', 'zod', 'ws', 'citty'],
  // Types only.
  'server/model/': ['wire/', 'zod'],
  'server/store/': [...MODEL, 'wire/', 'node:', 'pg'],
  // Evaluation is pure: the same live and in replay, without store and clock.
  'server/derive/': [...MODEL, 'rules/', 'wire/', 'ipaddr.js', 'zod', 'node:crypto'],
  'server/cases/': [...STORE, 'wire/'],
  'server/assess/': [...DERIVE, 'server/cases/case.ts', 'wire/'],
  'server/detect/': [...DERIVE, ...STORE, ...LOG, 'server/assess/', 'rules/', 'wire/', 'node:'],
  'server/ingest/': [...STORE, ...LOG, 'server/metrics.ts', 'wire/', 'node:', 'ws', 'zod', 'ipaddr.js'],
  'server/addresses/': [
    ...STORE,
    ...DERIVE,
    'server/whole-file.ts',
    'rules/',
    'wire/',
    'node:',
    'zod',
    'ipaddr.js',
    'mmdb-lib',
    'prom-client',
  ],
  'server/roster/': [
    ...DERIVE,
    'server/addresses/table.ts',
    'rules/language/refusal.ts',
    'server/whole-file.ts',
    'wire/',
    'node:',
    'zod',
  ],
  'server/recordings/': [...STORE, 'server/ingest/facts.ts', 'server/whole-file.ts', 'wire/', 'node:', 'zod'],
  'server/feeds/': [...STORE, 'wire/', 'node:', 'zod'],
  'server/access/': [...STORE, 'server/ingest/address.ts', 'wire/', 'node:', 'zod', '@node-rs/argon2'],
  // Read models: they store nothing and change nothing.
  'server/views/': [
    ...STORE,
    ...DERIVE,
    'server/roster/directory.ts',
    'server/assess/',
    'server/cases/case.ts',
    'rules/',
    'wire/',
    'node:',
    'zod',
  ],
  // What follows from a pack follows by the code that judges the log.
  'server/evidence/': [
    ...[...STORE, 'server/detect/detector.ts', 'server/assess/', 'server/views/', 'server/ingest/identity.ts'],
    ...['rules/language/', 'wire/', 'node:crypto', 'zod'],
  ],
  'server/api/': [
    ...STORE,
    ...['server/views/', 'server/access/', 'server/roster/', 'server/feeds/', 'server/ingest/', 'server/cases/'],
    ...['wire/', 'node:', 'hono', '@hono/', 'zod'],
  ],
  // The page uses the API only. The server builds it.
  'server/console/': [...MODEL, 'server/api/schema.ts', 'server/views/schema.ts', 'wire/', 'preact', '@preact/'],
  'server/console/build.ts': ['server/console/', 'server/api/files.ts', 'node:', 'esbuild'],
  'server/jobs/': ['server/', 'wire/', 'node:', 'node-cron'],
  // Generates telemetry: it must not know how that is evaluated.
  'server/simulate/': ['wire/', 'rules/catalogue/', 'node:'],
  'server/config.ts': ['server/derive/', 'server/log.ts', 'wire/', 'node:', 'zod', 'yaml', 'ipaddr.js'],
  'server/log.ts': ['wire/printable.ts', 'pino'],
  'server/metrics.ts': ['wire/', 'prom-client'],
  'server/named-file.ts': ['wire/', 'node:'],
  'server/whole-file.ts': ['node:'],
  // Assemble processes, and may use all of the server.
  'server/roles/': ['server/', 'rules/', 'wire/', 'node:', '@hono/node-server', 'prom-client'],
  'server/commands/': ['server/', 'rules/', 'wire/', 'bin/', 'node:', 'citty', 'zod'],
  // The command line starts both sides.
  'server/main.ts': ['server/', 'agent/', 'bin/', 'node:fs', 'citty'],
}
/** Only roles and commands may import these: assembling code is not imported by what it assembles. */
const TOPS = /^server\/(roles|commands|jobs)\//

const files = ['wire', 'agent', 'rules', 'server'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((it) => it.isFile() && /\.tsx?$/.test(it.name))
    .map((it) => relative(ROOT, join(it.parentPath, it.name)).replaceAll('\\', '/')),
)
const imports = new Map(files.map((file) => [file, importsOf(file)]))

function importsOf(file: string): string[] {
  const text = readFileSync(join(ROOT, file), 'utf8')
  const found = text.matchAll(
    /(?:^|\n)\s*(?:import|export)\s[^'"`;]*?from\s+['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)|(?:^|\n)import\s+['"]([^'"]+)['"]/g,
  )
  return [...found]
    .map((it) => it[1] ?? it[2] ?? it[3] ?? '')
    .map((it) => (it.startsWith('.') ? posix.normalize(posix.join(posix.dirname(file), it)) : it))
}

function roomOf(file: string): string {
  const rooms = Object.keys(MAY_IMPORT).filter((it) => file === it || file.startsWith(it))
  const room = rooms.sort((a, b) => b.length - a.length)[0]
  assert.ok(room, `${file} is in no known folder: define what it may import`)
  return room
}

/** The first import cycle found, as its files in order; null: none. */
function circle(): string[] | null {
  const done = new Set<string>()
  const path: string[] = []
  const visit = (file: string): string[] | null => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file]
    if (done.has(file)) return null
    path.push(file)
    for (const next of imports.get(file) ?? []) {
      const found = imports.has(next) ? visit(next) : null
      if (found) return found
    }
    path.pop()
    done.add(file)
    return null
  }
  for (const file of files) {
    const found = visit(file)
    if (found) return found
  }
  return null
}

describe('dependency rules', () => {
  it('finds the files to check', () => assert.ok(files.length > 400, `only ${files.length} files`))

  for (const room of Object.keys(MAY_IMPORT))
    it(`${room} imports only what it may`, () => {
      const allowed = [room, ...MAY_IMPORT[room]!]
      const mine = files.filter((it) => roomOf(it) === room)
      assert.ok(mine.length > 0, 'this folder no longer exists')
      const wrong = mine.flatMap((file) =>
        imports
          .get(file)!
          .filter(
            (it) =>
              !allowed.some(
                (name) => it === name || (/[/:]$/.test(name) ? it.startsWith(name) : it.startsWith(`${name}/`)),
              ),
          )
          .map((it) => `${file} → ${it}`),
      )
      assert.deepEqual(wrong, [])
    })

  it('no file imports itself, even indirectly', () => assert.equal(circle()?.join(' → ') ?? null, null))

  it('nothing else imports roles and commands', () => {
    const wrong = files
      .filter((it) => !/^server\/(roles|commands)\/|^server\/main\.ts$/.test(it))
      .flatMap((file) =>
        imports
          .get(file)!
          .filter((it) => TOPS.test(it) && !(TOPS.test(file) && it.startsWith('server/jobs/')))
          .map((it) => `${file} → ${it}`),
      )
    assert.deepEqual(wrong, [])
  })

  it('server and rules never import the agent, and the agent never imports them', () => {
    for (const [file, its] of imports) {
      if (file === 'server/main.ts') continue
      const other = file.startsWith('agent/') ? /^(server|rules)\// : /^agent\//
      assert.deepEqual(
        its.filter((it) => other.test(it)),
        [],
        file,
      )
    }
  })
})
