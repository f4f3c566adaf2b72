#!/usr/bin/env node
// The tellwire command. Plain JavaScript, so that an older Node can run it and start the Node 24 that npm installed.
import { spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import * as nodeModule from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const NEEDED = 24
const major = Number(process.versions.node.split('.')[0])

// The npm package that `npm run package` builds has JavaScript in the place of TypeScript.
const isCompiled = existsSync(join(root, 'server', 'main.js'))

if (!isCompiled && root.split(/[\\/]/).includes('node_modules')) {
  // Node strips no types from files in node_modules.
  console.error(
    'Tellwire does not run from its sources as an installed package. Install the package that `npm run package` ' +
      'builds, or clone its repository, and run "npm start" there.',
  )
  process.exit(1)
}

if (major >= NEEDED) {
  // Node 24 warns at every start that SQLite is experimental. Our tests cover it.
  const warn = process.emitWarning
  process.emitWarning = (warning, ...rest) => {
    const type = typeof rest[0] === 'string' ? rest[0] : rest[0]?.type
    if (type !== 'ExperimentalWarning') warn.call(process, warning, ...rest)
  }
  const args = process.argv.slice(2)
  // Half of a short command's start is stripping types and compiling. The cache is as safe as the code beside it: whoever
  // may write it may write that too; in a folder that this user may not write, nothing is kept.
  if (['match', 'replay', 'rules'].includes(args[0]))
    nodeModule.enableCompileCache?.(join(root, 'dist', 'compile-cache'))
  if (['match', 'replay'].includes(args[0])) restartForShortRun(args[0])
  const bundle = args[0] === 'agent' ? await agentFile() : null
  // Only with the bundle: Node strips types with WebAssembly, which does not run without the JIT.
  if (bundle && args[1] === 'run') (await import('./lean.js')).restartLean(fileURLToPath(import.meta.url))
  const entry = bundle ?? join(root, args[0] === 'agent' ? 'agent' : 'server', isCompiled ? 'main.js' : 'main.ts')
  const { main } = await import(pathToFileURL(entry).href)
  await main(args)
} else {
  const node = installedNode()
  if (node) runWith(node)
  else {
    console.error(
      `Tellwire needs Node ${NEEDED} or newer; this is ${process.version}, and npm installed none for ` +
        `${process.platform}-${process.arch}. Install Node ${NEEDED} from your package manager, or run "npm ci" here.`,
    )
    process.exit(1)
  }
}

/**
 * Re-executes this process with V8 set up for a run that ends soon, which it allows at its start only.
 *
 * `match`, all of SigmaHQ once over the events: 90 MiB less with a smaller heap for new objects, a tenth less CPU with
 * one thread of V8's own instead of four, a twentieth with a first collection of old objects at 128 MiB, and a fifth
 * with a later start of the slowest compiler, whose code pays only after most of a million events. `replay` of 240,000
 * records: 7 and 8 % less CPU with the last two, and a tenth less of 90,000 with both.
 */
function restartForShortRun(command) {
  const flags =
    command === 'match'
      ? ['--max-semi-space-size=4', '--v8-pool-size=1', '--initial-old-space-size=128']
      : ['--initial-old-space-size=256']
  // Node does not start with a flag that it does not know, and another version may not know this one.
  if (major === NEEDED) flags.push(`--invocation-count-for-turbofan=${command === 'match' ? 100_000 : 30_000}`)
  if (!process.execve || process.platform === 'win32' || process.send || process.execArgv.length > 0) return
  process.execve(process.execPath, [
    process.execPath,
    ...flags,
    fileURLToPath(import.meta.url),
    ...process.argv.slice(2),
  ])
}

async function agentFile() {
  if (isCompiled) return join(root, 'dist', 'agent.mjs')
  return (await import('./agent-bundle.js')).agentBundle()
}

function installedNode() {
  // npm puts the packages of an installed Tellwire beside it.
  const folders = [join(root, 'node_modules'), ...(isCompiled ? [dirname(root)] : [])]
  const file = process.platform === 'win32' ? 'node.exe' : 'node'
  return (
    folders
      .filter((folder) => existsSync(folder))
      .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name, 'bin', file)))
      .filter((path) => /[\\/]node-(bin-)?(linux|darwin|win)-[^\\/]+[\\/]bin[\\/]/.test(path))
      .find((path) => existsSync(path)) ?? null
  )
}

function runWith(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' })
  // A terminal sends Ctrl-C to both processes; a supervisor sends SIGTERM only to this one.
  process.on('SIGINT', () => {})
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)))
}
