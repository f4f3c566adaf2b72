/** `--placeholder name=a,b`: the values of `%name%` under `expand`, as the server has them in its configuration. */
import { Fault } from '../../wire/fault.ts'
import { repeated } from './terminal.ts'

export const placeholderArg = {
  placeholder: {
    type: 'string',
    valueHint: 'NAME=A,B',
    description: 'The values of %NAME% under `expand`; may be given several times',
  },
} as const

/** Those of the command line replace those of the same name in `configured`. Errors: Fault 'usage'. */
export function placeholdersFrom(
  rawArgs: readonly string[],
  configured: Readonly<Record<string, readonly string[]>> = {},
): Readonly<Record<string, readonly string[]>> {
  const given = repeated(rawArgs, '--placeholder').map((text): [string, string[]] => {
    const [, name, values] = /^([^=%\s]+)=(.+)$/s.exec(text) ?? []
    if (!name || !values) throw new Fault('usage', { where: '--placeholder', todo: 'Write NAME=A,B.' })
    return [name, values.split(',').map((it) => it.trim())]
  })
  return { ...configured, ...Object.fromEntries(given) }
}
