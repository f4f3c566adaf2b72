/** Import rules within agent/ and wire/. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix, relative } from 'node:path'

const ROOT = dirname(dirname(import.meta.dirname))
const files = ['agent', 'wire'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((it) => it.isFile() && it.name.endsWith('.ts'))
    .map((it) => relative(ROOT, join(it.parentPath, it.name)).replaceAll('\\', '/')),
)
const textOf = (file: string) => readFileSync(join(ROOT, file), 'utf8')

/** Including type imports: a cycle of types makes code as hard to read as any other. */
function importsOf(file: string): string[] {
  const found = textOf(file).matchAll(/(?:^|\n)(?:import|export)\s[^'"`;]*?from\s+'(\.[^']+)'/g)
  return [...found].map((it) => posix.normalize(posix.join(posix.dirname(file), it[1]!)))
}
const systemOf = (file: string) => /^agent\/collectors\/(linux|macos|windows)\//.exec(file)?.[1]

describe('layout of agent and wire', () => {
  it('finds the files to check', () => assert.ok(files.length > 60, `only ${files.length} files`))

  it('no collector imports another one, or anything of another operating system', () => {
    const wrong = files.flatMap((file) => {
      const system = systemOf(file)
      if (file === 'agent/collectors/index.ts') return []
      const isPart = (it: string) => it.startsWith(`agent/collectors/${system}/kit/`)
      return importsOf(file).flatMap((it) =>
        systemOf(it) === undefined || isPart(it) ? [] : [`${system} ${file} → ${it}`],
      )
    })
    assert.deepEqual(wrong, [])
  })

  it('collectors get the host of an operating system from the table of collectors, and know its types only', () => {
    const allowed = (file: string, it: string) =>
      it === 'agent/host/host.ts' ||
      (file === 'agent/collectors/index.ts' && /^agent\/host\/\w+\/open\.ts$/.test(it)) ||
      (it === `agent/host/${systemOf(file)}/calls.ts` &&
        !/^import \{[^}]*\} from '[^']*host\/(?:linux|macos|windows)/m.test(textOf(file)))
    const wrong = files
      .filter((it) => it.startsWith('agent/collectors/'))
      .flatMap((file) => importsOf(file).filter((it) => it.startsWith('agent/host/') && !allowed(file, it)))
    assert.deepEqual(wrong, [])
  })

  it('only two files read process.platform', () => {
    const readers = files.filter((it) => textOf(it).includes('process.platform'))
    assert.deepEqual(readers.sort(), ['agent/host/systems.ts', 'agent/spool/segment.ts'])
  })

  it('there is no import cycle', () => {
    const cycles: string[] = []
    const done = new Set<string>()
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(' → '))
      if (path.includes(file) || done.has(file)) return
      for (const it of importsOf(file)) visit(it, [...path, file])
      done.add(file)
    }
    for (const file of files) visit(file, [])
    assert.deepEqual(cycles, [])
  })
})
