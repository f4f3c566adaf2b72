/**
 * Runs command lines one after the other in one process, because starting Node costs more than most of them.
 *
 * Shape   standard input is a JSON array of command lines; behind each one's output is a line with its exit code, on
 *         both streams. The caller's folder is the current folder.
 */
import { readFileSync, writeSync } from 'node:fs'
import { started } from './process.ts'

export const ENDED = '#ended '

export interface Printed {
  args: readonly string[]
  code: number
  out: string
  err: string
}

/** Errors  rejects when the process dies, with what it printed last. */
export async function oneAfterAnother(commands: readonly (readonly string[])[], cwd: string): Promise<Printed[]> {
  const { code, out, err } = await started(import.meta.filename, [], { input: JSON.stringify(commands), cwd })
  const [outs, errs] = [parts(out), parts(err)]
  if (code !== 0 || outs.length !== commands.length || errs.length !== commands.length)
    throw new Error(`ended with ${code} in command ${outs.length + 1} of ${commands.length}: ${err.slice(-2_000)}`)
  return commands.map((args, at) => ({ args, code: outs[at]!.code, out: outs[at]!.text, err: errs[at]!.text }))
}

function parts(text: string): { text: string; code: number }[] {
  const found: { text: string; code: number }[] = []
  let from = 0
  for (const end of text.matchAll(/^#ended (\d+)\n/gm)) {
    found.push({ text: text.slice(from, end.index), code: Number(end[1]) })
    from = end.index + end[0].length
  }
  return found
}

if (import.meta.main) {
  const { main } = await import('../../../server/main.ts')
  process.stdout.setMaxListeners(0) // each command adds one
  for (const args of JSON.parse(readFileSync(0, 'utf8')) as string[][]) {
    process.exitCode = 0
    await main(args)
    for (const stream of [1, 2]) writeSync(stream, `${ENDED}${process.exitCode}\n`)
  }
  process.exit(0)
}
