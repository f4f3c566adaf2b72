/**
 * `node test/fuzz/api.ts`: runs schemathesis against the OpenAPI document of a real server, signed in and as a stranger.
 *
 *   node test/fuzz/api.ts --seconds 60 --seed 7
 *
 * Shape   uses `schemathesis` from the PATH, else installs it into a temporary Python environment. Left out: the path
 *         that streams, and, when signed in, the paths that would end the session.
 * Errors  exit code 1 for an answer with status 5xx, of another shape than documented, or with a path of the server's
 *         disk, and for an error in the server's log. Without schemathesis: 1 with CI=true, else a line that says so and 0.
 */
import { type SpawnSyncOptions, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type AgentChild, enrollAgent, json, startAgent, startServer } from '../bench/children.ts'

const VERSION = '4.32.5'
const CHECKS = [
  ...['not_a_server_error', 'status_code_conformance', 'content_type_conformance', 'response_schema_conformance'],
  'no_server_path',
]
const STREAMS = '^/api/v1/events$'
const SESSIONS = '^/api/v1/session'

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string', default: '1' } },
})
const folder = mkdtempSync(join(tmpdir(), 'tellwire-api-'))
const command = schemathesis()
let failed = false
if (command === null) {
  console.error(`SKIPPED: schemathesis ${VERSION} could not be installed (it needs python3-venv and PyPI).`)
  failed = process.env.CI === 'true'
} else {
  const hooks = join(folder, 'hooks.py')
  writeFileSync(hooks, hooksFor(folder))
  const server = await startServer(join(folder, 'data'))
  const agent = await laptop(server.url, server.cookie)
  const half = Math.ceil(Number(values.seconds) / 2)
  try {
    const signedIn = ['--header', `Cookie: ${server.cookie}`, '--exclude-path-regex', `${STREAMS}|${SESSIONS}`]
    const stranger = ['--exclude-path-regex', STREAMS]
    for (const who of [signedIn, stranger])
      failed = !(await run(command, [...who, '--max-time', String(half)], server.url, hooks)) || failed
    const errors = server
      .printed()
      .split('\n')
      .filter((line) => line.includes('"level":"error"'))
    for (const line of errors) console.error(line.slice(0, 2_000))
    if (errors.length > 0 || !(await fetch(`${server.url}/healthz`)).ok) failed = true
  } finally {
    await agent.stop()
    await server.stop()
  }
}
rmSync(folder, { recursive: true, force: true })
process.exit(failed ? 1 : 0)

/** An enrolled laptop that reports, so that answers have content. */
async function laptop(url: string, cookie: string): Promise<AgentChild> {
  const { token } = await json<{ token: string }>(
    fetch(`${url}/api/v1/enrollment-tokens`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Origin: url, Cookie: cookie },
      body: JSON.stringify({ worker: 'w1' }),
    }),
  )
  const home = join(folder, 'agent')
  await enrollAgent(home, token)
  return startAgent(home)
}

function schemathesis(): string | null {
  const quiet: SpawnSyncOptions = { stdio: 'ignore' }
  if (spawnSync('schemathesis', ['--version'], quiet).status === 0) return 'schemathesis'
  const venv = join(folder, 'venv')
  if (spawnSync('python3', ['-m', 'venv', venv], quiet).status !== 0) return null
  const bin = join(venv, 'bin')
  const installed = spawnSync(join(bin, 'pip'), ['install', '--quiet', `schemathesis==${VERSION}`], quiet)
  return installed.status === 0 ? join(bin, 'schemathesis') : null
}

/** A check in schemathesis' own language: no answer names a file of the server. */
function hooksFor(path: string): string {
  return `import schemathesis


@schemathesis.check
def no_server_path(ctx, response, case):
    for path in (${JSON.stringify(path)}, "/node_modules/", "file://"):
        assert path not in response.text, f"the answer contains {path}"
`
}

function run(command: string, more: readonly string[], url: string, hooks: string): Promise<boolean> {
  const args = [
    ...['run', `${url}/api/v1/openapi.json`, '--header', `Origin: ${url}`, '--checks', CHECKS.join(',')],
    ...['--seed', values.seed, '--phases', 'examples,coverage,fuzzing', '--request-timeout', '20', '--warnings', 'off'],
    // A client must ask again when the server closes an idle connection at the moment it is used.
    ...['--request-retries', '2', '--suppress-health-check', 'all', '--continue-on-failure', ...more],
  ]
  const child = spawn(command, args, {
    cwd: folder,
    stdio: 'inherit',
    env: { ...process.env, SCHEMATHESIS_HOOKS: hooks },
  })
  return new Promise((resolve) => child.once('close', (code) => resolve(code === 0)))
}
