/** Every command refuses an argument too many and an option that it does not have. The rows are the command tree. */
import assert from 'node:assert/strict'
import type { CommandDef } from 'citty'
import { checkUsage } from '../../../bin/cli.ts'
import { type Arg, argsOf, isPositional, resolved } from '../../../bin/usage.ts'
import { rootCommand } from '../../../server/main.ts'

interface Command {
  path: string[]
  positionals: [string, Arg][]
  options: string[]
}

const ROOT = rootCommand()
const COMMANDS = await commandsUnder(ROOT, [])

async function commandsUnder(command: CommandDef, path: string[]): Promise<Command[]> {
  const children = Object.entries(((await resolved(command.subCommands)) ?? {}) as Record<string, unknown>)
  const found: Command[] = []
  for (const [name, child] of children)
    found.push(...(await commandsUnder((await resolved(child)) as CommandDef, [...path, name])))
  if (children.length > 0) return found
  const args = await argsOf(command)
  const options = args.filter(([, it]) => !isPositional(it)).map(([name]) => name)
  return [{ path, positionals: args.filter(([, it]) => isPositional(it)), options }]
}

const takesSeveral = ({ positionals }: Command) => positionals.at(-1)?.[1].several === true

describe('every command', () => {
  it('is in the tree', () => {
    assert.ok(COMMANDS.length > 40, `${COMMANDS.length} commands`)
    assert.deepEqual(
      COMMANDS.filter(takesSeveral).map(({ path }) => path.join(' ')),
      ['rules check', 'rules test', 'rules list', 'catalogue check', 'simulate'],
    )
  })

  for (const command of COMMANDS) {
    const { path, positionals, options } = command
    const name = `tellwire ${path.join(' ')}`
    const values = positionals.map(([it]) => `a-${it}`)

    if (takesSeveral(command))
      it(`${name}: takes any number of arguments`, () =>
        assert.doesNotReject(checkUsage(ROOT, [...path, ...values, 'superfluous'])))
    else
      for (const words of [
        [...values, 'superfluous'],
        ['--', ...values, 'superfluous'],
      ])
        it(`${name} ${words.join(' ')}: refused`, () =>
          assert.rejects(checkUsage(ROOT, [...path, ...words]), {
            code: 'usage',
            message:
              /^superfluous: .*This command takes (no arguments|only [A-Z]+( and [A-Z]+)*)\. Remove it[^[]* \[usage\]$/,
          }))

    it(`${name}: says what a misspelt option probably means`, async () => {
      for (const option of options) {
        const misspelt = `--${option}${option.at(-1)}`
        await assert.rejects(checkUsage(ROOT, [...path, misspelt]), {
          code: 'usage',
          where: misspelt,
          message: new RegExp(`There is no such option\\. Did you mean '--${option}'\\?`),
        })
      }
      await assert.rejects(checkUsage(ROOT, [...path, '--quite-another']), {
        code: 'usage',
        message: options.length > 0 ? /There is no such option\. Use one of: --/ : /This command has no options\./,
      })
    })
  }
})
