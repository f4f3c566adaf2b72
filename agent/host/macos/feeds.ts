/**
 * Programs of macOS that print what happens, one line each, as long as they run: the only children of the agent. Their
 * command lines are constant.
 *
 * Shape   started at the first question, and again at the next one after it ended. What is printed between two questions
 *         waits here.
 * Errors  `failure` once, when the program could not be started or has ended, with the last of what it said.
 * Blind   what is printed while it does not run; beyond `MAX_LINES` that wait, counted.
 * Source  log(1), eslogger(1). Tested with other programs; neither has run on a Mac.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import type { LineFeed } from './calls.ts'

const MAX_LINES = 2_000
const MAX_LINE = 262_144
const MAX_SAID = 300

/** Only these programs' own messages: the log as a whole has thousands of lines a second. */
const SIGN_INS =
  '(process == "sshd" OR process == "sshd-session" OR process == "screensharingd") AND ' +
  '(eventMessage BEGINSWITH "Accepted " OR eventMessage BEGINSWITH "Disconnected from user " OR ' +
  'eventMessage BEGINSWITH "Authentication: ")'

export const signIns = (): LineFeed =>
  feed('/usr/bin/log', ['stream', '--style', 'ndjson', '--level', 'info', '--predicate', SIGN_INS])

/** Needs root and Full Disk Access. Programs that the agent starts itself are left out by it. */
export const execs = (): LineFeed => feed('/usr/bin/eslogger', ['exec'])

export function feed(file: string, args: readonly string[], maxLines = MAX_LINES): LineFeed {
  let child: ChildProcess | null = null
  let lines: string[] = []
  let lost = 0
  let failure: Error | null = null
  return { read, close }

  function read() {
    if (child === null && failure === null) start()
    const found = { lines, lost, failure }
    lines = []
    lost = 0
    failure = null
    return found
  }

  function start(): void {
    const started = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], env: {} })
    child = started
    let rest = ''
    let isLong = false
    let said = ''
    started.stdout.setEncoding('utf8')
    started.stdout.on('data', (chunk: string) => {
      const parts = (rest + chunk).split('\n')
      rest = parts.pop()!
      for (const line of parts)
        if (isLong) isLong = false
        else take(line)
      // The end of a line that is too long is not the beginning of another.
      if (rest.length > MAX_LINE) {
        if (!isLong) lost++
        isLong = true
        rest = ''
      }
    })
    started.stderr.setEncoding('utf8')
    started.stderr.on('data', (chunk: string) => {
      said = (said + chunk).slice(-MAX_SAID)
    })
    const ended = (why: string, code: string) => {
      if (child !== started) return
      child = null
      failure = Object.assign(new Error(`${code}: ${file}: ${why}`), { code })
    }
    started.once('error', (cause: NodeJS.ErrnoException) => ended(cause.message, cause.code ?? 'EIO'))
    started.once('close', (status) =>
      ended(said.trim() || `it ended with ${status}`, /not permitted|TCC|privilege/i.test(said) ? 'EPERM' : 'EIO'),
    )
  }

  function take(line: string): void {
    if (lines.length < maxLines) lines.push(line)
    else lost++
  }

  function close(): void {
    const running = child
    child = null
    running?.kill()
  }
}
