/**
 * Keeps what each finished fleet gave, so that a stopped run goes on where it was.
 *
 * Shape   one JSON file a fleet, in a folder named after the code that made it: <folder>/<digest>/<kind>-<seed>-….json.
 *         A file is written beside its name and renamed, so it is whole or absent.
 * Stale   the digest is over all that decides a course: rules, catalogue, server, simulator, and the course itself.
 *         Results of other code are never read; `fresh` removes them. The commit is kept for people to read.
 * Errors  a file that cannot be read, or is of another fleet than its name says, counts as absent.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Course } from './course.ts'
import type { Task } from './fleet-process.ts'

const ROOT = join(import.meta.dirname, '../..')
/** What a course depends on. Pages, routes and the figures made of courses do not change it. */
const FOLDERS = ['rules', 'server', 'wire', 'test/accuracy']
const WITHOUT =
  /^server\/(console|views|api|access)\/|\.test\.ts$|^test\/accuracy\/(?!(course|analyst|dump)\.)|accuracy\.json$/
const CODE = /\.(ts|yml|json|csv)$/

interface Kept {
  commit: string
  task: Task
  course: Course
}

export interface Results {
  folder: string
  /** How many folders of other code are beside it. */
  stale: number
  known(task: Task): Course | null
  /** Errors  when the code changed since the start: the processes still run the old one, the files are the new one's. */
  keep(task: Task, course: Course): void
}

export function results(folder: string, { fresh = false, digest = codeDigest } = {}): Results {
  if (fresh) rmSync(folder, { recursive: true, force: true })
  const code = digest()
  const own = join(folder, code)
  mkdirSync(own, { recursive: true })
  const commit = commitOf()
  return {
    folder: own,
    stale: readdirSync(folder).filter((it) => it !== code).length,
    known(task) {
      try {
        const kept: Kept = JSON.parse(readFileSync(join(own, nameOf(task)), 'utf8'))
        return JSON.stringify(kept.task) === JSON.stringify(task) ? kept.course : null
      } catch {
        return null
      }
    },
    keep(task, course) {
      if (digest() !== code) throw new Error('the code changed during the run: start it again')
      const path = join(own, nameOf(task))
      writeFileSync(`${path}.part`, JSON.stringify({ commit, task, course } satisfies Kept))
      renameSync(`${path}.part`, path)
    },
  }
}

/** Two tasks have one name only if they are the same. */
export function nameOf(task: Task): string {
  const { kind, seed, workers, days } = task.fleet
  const rest = createHash('sha256').update(JSON.stringify(task)).digest('hex').slice(0, 8)
  return `${task.dump ? 'dump-' : ''}${kind}-${seed}-${workers}x${days}-${rest}.json`
}

/** A hash of the content of all files that decide a course. */
export function codeDigest(): string {
  const hash = createHash('sha256')
  for (const folder of FOLDERS)
    for (const it of readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })) {
      const path = join(it.parentPath, it.name)
      const name = path.slice(ROOT.length + 1).replaceAll('\\', '/')
      if (!it.isFile() || !CODE.test(name) || WITHOUT.test(name)) continue
      hash.update(`${name}\n`).update(readFileSync(path))
    }
  return hash.digest('hex').slice(0, 16)
}

function commitOf(): string {
  try {
    return execFileSync('git', ['rev-parse', 'HEAD'], { cwd: ROOT, encoding: 'utf8', stdio: 'pipe' }).trim()
  } catch {
    return 'unknown'
  }
}
