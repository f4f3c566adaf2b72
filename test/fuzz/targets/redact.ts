/** What may be hidden in a command line before it leaves the laptop. */
import assert from 'node:assert/strict'
import { redactArguments, redactCommandLine } from '../../../agent/redact/index.ts'
import type { Target } from '../target.ts'

const SECRET = 'Zq7-sentinel-0451'

export const redact: Target = {
  name: 'redact',
  shape: 'json',
  dictionary: [
    '--password',
    '-p',
    '=',
    ':',
    '://user:pass@',
    'Bearer ',
    'token=',
    '"',
    "'",
    '\\',
    '\0',
    '$(',
    'ssh',
    'curl',
  ],
  open: async () => ({
    run(input) {
      const args = argumentsIn(input)
      const shown = redactArguments([...args, `--password=${SECRET}`])
      assert.ok(!shown.includes(SECRET), `a password is shown in ${JSON.stringify(shown.slice(-200))}`)
      const line = input.toString('utf8')
      assert.ok(redactCommandLine(line).length <= 4 * line.length + 4_096, 'it does not grow')
    },
  }),
}

function argumentsIn(input: Buffer): string[] {
  try {
    const value: unknown = JSON.parse(input.toString('utf8'))
    return Array.isArray(value) ? value.map(String) : [String(value)]
  } catch {
    return input.toString('utf8').split('\0')
  }
}
