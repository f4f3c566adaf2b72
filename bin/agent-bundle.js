// The agent as one file: what a laptop installs, and what `tellwire agent` runs here. Unbundled, its imports alone
// take 115 MB of resident memory; as one file it takes 70. Plain JavaScript: it runs before TypeScript can.
import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const file = join(root, 'dist', 'agent.mjs')

/** The path of an up-to-date bundle, or null where it cannot be made (a read-only folder, no esbuild). */
export async function agentBundle() {
  const newest = Math.max(
    ...['agent', 'wire', 'bin'].flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
        .filter((it) => it.isFile())
        .map((it) => statSync(join(it.parentPath, it.name)).mtimeMs),
    ),
    statSync(join(root, 'package-lock.json')).mtimeMs,
  )
  if (existsSync(file) && statSync(file).mtimeMs > newest) return file
  try {
    const { build } = await import('esbuild')
    mkdirSync(dirname(file), { recursive: true })
    const part = `${file}.${process.pid}`
    await build({
      absWorkingDir: root,
      entryPoints: ['agent/main.ts'],
      outfile: part,
      bundle: true,
      minify: true,
      platform: 'node',
      format: 'esm',
      target: 'node24',
      legalComments: 'none',
      logLevel: 'silent',
      // ws loads these two only if they are installed; the CommonJS modules in the bundle need a `require`.
      external: ['bufferutil', 'utf-8-validate'],
      banner: {
        js: "import { createRequire as __require } from 'node:module'; const require = __require(import.meta.url);",
      },
    })
    renameSync(part, file)
    return file
  } catch (cause) {
    if (process.env.TELLWIRE_DEBUG) console.error(cause)
    return null
  }
}
