/**
 * The whole of Tellwire as an npm package of compiled JavaScript: Node strips no types below node_modules.
 *
 * Shape   each file on its own, at its place, `.ts` in its imports replaced by `.js`; the agent as its one file. The
 *         console stays in TypeScript, with what it imports, because the server builds it with esbuild.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { transform } from 'esbuild'
import { ROOT } from './runtimes.ts'
import { sbomOf } from './sbom.ts'
import { type Tree, textItem } from './tree.ts'

const FOLDERS = ['agent', 'bin', 'rules', 'server', 'wire']
/** What the console imports besides itself: `test/architecture.test.ts`. */
const FOR_CONSOLE = /^(server\/console\/|server\/model\/|server\/api\/schema\.ts$|server\/views\/schema\.ts$|wire\/)/
/** Not needed to run: it builds packages, or pages for people who read the repository. */
const LEFT_OUT = /^(bin\/package\/|bin\/setup\.js$|server\/console\/screenshot\.png$)|\.d\.ts$/

export async function npmTree(of: { version: string; bundle: Buffer; epoch: number }): Promise<Tree> {
  const tree: Tree = new Map()
  for (const folder of FOLDERS)
    for (const entry of readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })) {
      const file = join(entry.parentPath, entry.name)
      const path = file.slice(ROOT.length + 1).replaceAll('\\', '/')
      if (!entry.isFile() || LEFT_OUT.test(path)) continue
      const bytes = readFileSync(file)
      const isSource = /\.tsx?$/.test(path)
      if (!isSource || FOR_CONSOLE.test(path)) tree.set(path, { bytes, isProgram: path === 'bin/tellwire.js' })
      if (!isSource || path.endsWith('.tsx')) continue
      tree.set(path.replace(/\.ts$/, '.js'), textItem(await compiled(bytes.toString('utf8'), path)))
    }
  tree.set('dist/agent.mjs', { bytes: of.bundle })
  for (const name of ['README.md', 'LICENSE', 'NOTICE', 'SECURITY.md'])
    tree.set(name, { bytes: readFileSync(join(ROOT, name)) })
  tree.set('sbom.cdx.json', textItem(sbomOf({ name: 'tellwire', version: of.version, system: null, epoch: of.epoch })))
  tree.set('package.json', textItem(manifest()))
  return new Map([...tree].map(([path, item]) => [`package/${path}`, item]))
}

/** Without what only development needs. Not `private`: it may go to a registry of your own. */
function manifest(): string {
  const all = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Record<string, unknown>
  const { name, version, description, license, type, engines, bin, dependencies, optionalDependencies } = all
  const kept = { name, version, description, license, type, engines, bin, dependencies, optionalDependencies }
  return `${JSON.stringify(kept, null, 2)}\n`
}

async function compiled(source: string, path: string): Promise<string> {
  const { code } = await transform(source, {
    loader: 'ts',
    format: 'esm',
    target: 'node24',
    sourcefile: path,
    tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } },
  })
  return code.replace(
    /(\bfrom\s*|\bimport\s*\(?\s*|\bnew URL\(\s*)(["'])(\.{1,2}\/[^"'\n]+?)\.ts\2/g,
    (_all, before: string, quote: string, name: string) => `${before}${quote}${name}.js${quote}`,
  )
}
