/**
 * RSigma's engine beside ours, in the same run.
 *
 * Shape   TELLWIRE_BENCH_RSIGMA is the path of a program that takes `RULES-FOLDER EVENTS.ndjson MODE`. With `match` it
 *         prints a line per match. With `bench PASSES` it prints a line per pass, once with the parsing of JSON and once
 *         without: `pass 0 eval-only … 58000 ev/s …`, per second of its CPU.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { ruleFiles, sigmaFiles } from '../rules/language/shared-data.ts'

/** Undefined: the rows about it are omitted. */
export const RSIGMA = process.env.TELLWIRE_BENCH_RSIGMA

export function inFolder<T>(work: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'tellwire-bench-'))
  try {
    return work(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** SigmaHQ's rules as files. */
export function rulesFolder(folder: string): string {
  for (const { path, text } of ruleFiles(sigmaFiles())) {
    mkdirSync(dirname(join(folder, 'rules', path)), { recursive: true })
    writeFileSync(join(folder, 'rules', path), text)
  }
  return join(folder, 'rules')
}

/** Events per second of its CPU in one pass, parsing not included. */
export function rsigmaRate(program: string, rules: string, events: string): number {
  const printed = execFileSync(program, [rules, events, 'bench', '1'], { encoding: 'utf8' })
  return Number(/eval-only .* (\d+) ev\/s/.exec(printed)![1])
}
