// Installs missing packages, once. Plain JavaScript, because it must run on any version of Node.
import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const installed = join(root, 'node_modules', '.package-lock.json')
const locked = join(root, 'package-lock.json')

if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(locked).mtimeMs) {
  console.log('Installing the packages that Tellwire needs (once, about a minute) …')
  const started = Date.now()
  // npm names its own script in npm_execpath; without it, npm is found by PATH, which needs a shell on Windows.
  const npm = process.env.npm_execpath
  const command = npm?.endsWith('.js') ? [process.execPath, npm] : ['npm']
  const run = spawnSync(command[0], [...command.slice(1), 'ci', '--no-fund', '--no-audit', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32' && command.length === 1,
  })
  if (run.status !== 0) {
    console.error(
      'Installation failed; see the output above. Check the network or proxy settings of npm, then try again.',
    )
    process.exit(1)
  }
  console.log(`Installed in ${Math.round((Date.now() - started) / 1000)} s.`)
}
