// Builds the agent as one file, which a laptop installs and `tellwire agent` runs. Resident memory with separate
// modules is 115 MB for the imports alone, with one file 70 MB. Plain JavaScript, because it runs before TypeScript
// can.
import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const file = join(root, 'dist', 'agent.mjs')

/** The path of an up-to-date bundle, or null if it cannot be built (a read-only folder, no esbuild). */
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
    const draft = `${file}.${process.pid}`
    await build({
      absWorkingDir: root,
      entryPoints: ['agent/main.ts'],
      outfile: draft,
      bundle: true,
      minify: true,
      platform: 'node',
      format: 'esm',
      target: 'node24',
      legalComments: 'none',
      logLevel: 'silent',
      // ws loads these two only if they are installed.
      // koffi has native code, and lies beside the bundle.
      external: ['bufferutil', 'utf-8-validate', 'koffi'],
      // The CommonJS modules in the bundle need a `require`.
      banner: {
        js: "import { createRequire as __require } from 'node:module'; const require = __require(import.meta.url);",
      },
    })
    renameSync(draft, file)
    return file
  } catch (cause) {
    if (process.env.TELLWIRE_DEBUG) console.error(cause)
    return null
  }
}
