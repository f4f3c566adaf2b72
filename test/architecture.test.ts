/** The arrows of the house (ARCHITECTURE.md): what each room may import. No file imports itself, however indirectly. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))

/** Rooms of the server that any room above may use: each is a word, and may use those before it in its own row. */
const MODEL = ['server/model/']
const STORE = [...MODEL, 'server/store/']
const DERIVE = [...MODEL, 'server/derive/']
const LOG = ['server/log.ts']

/** room → what it may import besides itself, and why not more. The longest name wins. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  // The contract is readable by anybody, anywhere: schemas and types, no I/O.
  'wire/': ['zod'],
  // The engine is pure: no clock, no files, nothing of the server. Its libraries are YAML and regular expressions.
  'rules/language/': ['wire/', 'yaml', 're2js'],
  'rules/': ['wire/', 'zod', 'node:'],
  // A collector yields observations. Who keeps or sends them is not its business; a system's are a system's own.
  'agent/collectors/': ['agent/collect.ts', 'agent/host/host.ts', 'agent/redact/', 'wire/', 'node:', 'chokidar'],
  'agent/': ['wire/', 'bin/cli.ts', 'node:', 'zod', 'ws', 'citty', 'picocolors'],
  // Words, and nothing that does anything.
  'server/model/': ['wire/', 'zod'],
  'server/store/': [...MODEL, 'wire/', 'node:', 'pg'],
  // What judges is pure: the same live and in replay. It knows neither store nor clock.
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
  'server/feeds/': [...STORE, 'wire/', 'node:', 'zod'],
  'server/access/': [...STORE, 'server/ingest/address.ts', 'wire/', 'node:', 'zod', '@node-rs/argon2'],
  // Read models: they keep nothing and change nothing.
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
  'server/api/': [
    ...STORE,
    ...['server/views/', 'server/access/', 'server/roster/', 'server/feeds/', 'server/ingest/', 'server/cases/'],
    ...['wire/', 'node:', 'hono', '@hono/', 'zod'],
  ],
  // The page talks to the API only. Its build is the server's.
  'server/console/': [...MODEL, 'server/api/schema.ts', 'server/views/schema.ts', 'wire/', 'preact', '@preact/'],
  'server/console/build.ts': ['server/console/', 'server/api/files.ts', 'node:', 'esbuild'],
  'server/jobs/': ['server/', 'wire/', 'node:', 'node-cron'],
  // Whole fleets as recorded telemetry: it must not know how it is judged.
  'server/simulate/': ['wire/', 'rules/catalogue/', 'node:'],
  'server/config.ts': ['server/derive/', 'server/log.ts', 'wire/', 'node:', 'zod', 'yaml', 'ipaddr.js'],
  'server/log.ts': ['pino'],
  'server/metrics.ts': ['wire/', 'prom-client'],
  'server/whole-file.ts': ['node:'],
  // Put processes together, and know everything of the server.
  'server/roles/': ['server/', 'rules/', 'wire/', 'node:', '@hono/node-server', 'prom-client'],
  'server/commands/': ['server/', 'rules/', 'wire/', 'bin/', 'node:', 'citty', 'picocolors', 'zod'],
  // The command line hands over to both sides.
  'server/main.ts': ['server/', 'agent/', 'bin/', 'citty'],
}
/** Whom nothing but roles and commands may import: what puts together is not put together. */
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
  assert.ok(room, `${file} stands in no room: say what it may import`)
  return room
}

/** The first circle that is found, as its files in order; null: none. */
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

describe('the arrows', () => {
  it('sees the files it is to check', () => assert.ok(files.length > 400, `only ${files.length} files`))

  for (const room of Object.keys(MAY_IMPORT))
    it(`${room} imports what it may`, () => {
      const allowed = [room, ...MAY_IMPORT[room]!]
      const mine = files.filter((it) => roomOf(it) === room)
      assert.ok(mine.length > 0, 'there is no such room any more')
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

  it('no file imports itself, however indirectly', () => assert.equal(circle()?.join(' → ') ?? null, null))

  it('nothing imports what puts everything together', () => {
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

  it('server and rules never import the agent, nor the agent them', () => {
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
