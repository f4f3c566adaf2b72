/** The arrows of the house (ARCHITECTURE.md). The longest folder name wins; only the two main.ts know everything. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))

/** folder → what it may import, and why not more. */
const MAY_IMPORT: Record<string, RegExp> = {
  // The contract is readable by anybody, anywhere: schemas and types, no I/O.
  wire: /^(wire\/|zod$)/,
  // The engine is pure: no clock, no files, nothing of the server. Its libraries are YAML and regular expressions.
  'rules/language': /^(rules\/language\/|wire\/|yaml$|re2js$)/,
  rules: /^(rules\/|wire\/|zod$|node:)/,
  // A collector yields observations. Who keeps or sends them is not its business.
  'agent/collectors': /^(agent\/(collectors\/|collect\.ts|host\/host\.ts|redact\.ts)|wire\/|node:|chokidar$)/,
  agent: /^(agent\/|wire\/|bin\/cli\.ts$|node:|zod$|ws$|citty$|picocolors$)/,
  // The page talks to the API only. Its build is the server's.
  'server/console': /^(server\/console\/|server\/api\/schema\.ts|server\/model\/|wire\/|preact|@preact\/)/,
  'server/console/build.ts': /^(server\/console\/|node:|esbuild$)/,
  // What judges is pure: the same live and in replay.
  'server/model': /^(server\/model\/|wire\/|zod$)/,
  'server/derive': /^(server\/(derive|model)\/|rules\/|wire\/|ipaddr\.js$|zod$)/,
  'server/assess': /^(server\/(assess|derive|model)\/|server\/detect\/findings\.ts|wire\/)/,
  server: /^(server\/|rules\/|wire\/|[a-z@])/,
  // The command line hands over to both sides.
  'server/main.ts': /./,
}

const files = ['wire', 'agent', 'rules', 'server'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((it) => it.isFile() && /\.tsx?$/.test(it.name))
    .map((it) => relative(ROOT, join(it.parentPath, it.name)).replaceAll('\\', '/')),
)

function importsOf(file: string): string[] {
  const text = readFileSync(join(ROOT, file), 'utf8')
  const found = text.matchAll(
    /(?:^|\n)\s*(?:import|export)\s[^'"`;]*?from\s+['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)|(?:^|\n)import\s+['"]([^'"]+)['"]/g,
  )
  return [...found]
    .map((it) => it[1] ?? it[2] ?? it[3] ?? '')
    .map((it) => (it.startsWith('.') ? posix.normalize(posix.join(posix.dirname(file), it)) : it))
}

describe('the arrows', () => {
  it('sees the files it is to judge', () => assert.ok(files.length > 40, `only ${files.length} files`))

  for (const file of files) {
    const [folder, allowed] = Object.entries(MAY_IMPORT)
      .filter(([it]) => file === it || file.startsWith(`${it}/`))
      .sort(([a], [b]) => b.length - a.length)[0] as [string, RegExp]
    it(`${file} imports what ${folder} may`, () => {
      assert.deepEqual(
        importsOf(file).filter((it) => !allowed.test(it)),
        [],
      )
    })
  }

  it('server and rules never import the agent, nor the agent them', () => {
    for (const file of files) {
      if (file === 'server/main.ts') continue
      const other = file.startsWith('agent/') ? /^(server|rules)\// : /^agent\//
      assert.deepEqual(
        importsOf(file).filter((it) => other.test(it)),
        [],
        file,
      )
    }
  })
})
