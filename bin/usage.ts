/** The help of a command: its description, a line to paste, and what each argument means. */
import type { ArgsDef, CommandDef } from 'citty'
import { colours } from './colours.ts'

const WIDTH = 100
/** A usage line that is longer names its options only below. */
const LINE = 120
/** What an option's value is called; else the option's own name. */
const VALUES: Record<string, string> = {
  ...{ 'data-folder': 'FOLDER', folder: 'FOLDER', config: 'FILE', ca: 'FILE', rules: 'PATH' },
  ...{ from: 'TIME', to: 'TIME', at: 'TIME', start: 'DATE', host: 'ADDRESS' },
}

export async function usageOf(command: CommandDef, path: readonly string[]): Promise<string> {
  const meta = (await resolved(command.meta)) as { description?: string; version?: string } | undefined
  const args = await argsOf(command)
  const children = Object.entries(((await resolved(command.subCommands)) ?? {}) as Record<string, unknown>)
  const pc = colours()
  const name = path.join(' ')
  const options = args.filter(([, it]) => !isPositional(it))
  const positionals = args.filter(([, it]) => isPositional(it))
  const optionWords = options.map(([option, it]) => bracketed(written(option, it), it.required !== true))
  const last = positionals.map(([word, it]) => bracketed(nameOf(word, it), it.required === false))
  if (children.length > 0) last.push('COMMAND')
  const whole = [name, ...optionWords, ...last].join(' ')
  const needed = options.filter(([, it]) => it.required === true).map(([option, it]) => written(option, it))
  const line = whole.length <= LINE ? whole : [name, '[OPTIONS]', ...needed, ...last].join(' ')
  const lines = [meta?.description ?? '', '', `${pc.bold('Usage:')} ${line}`]
  const rows = (title: string, of: readonly (readonly [string, string])[]) => {
    if (of.length > 0) lines.push('', pc.bold(`${title}:`), ...table(of))
  }
  rows(
    'Arguments',
    positionals.map(([word, it]) => [nameOf(word, it), about(it)] as const),
  )
  rows(
    'Options',
    options.map(([option, it]) => [written(option, it), about(it)] as const),
  )
  rows('Commands', await Promise.all(children.map(async ([child, it]) => [child, await descriptionOf(it)] as const)))
  if (children.length > 0) lines.push('', `More about one of them: ${name} COMMAND --help`)
  return lines.join('\n')
}

/** `several`: a last positional that takes all remaining words. */
export type Arg = ArgsDef[string] & { several?: boolean }

/** In their order. */
export async function argsOf(command: CommandDef): Promise<[string, Arg][]> {
  return Object.entries(((await resolved(command.args)) ?? {}) as Record<string, Arg>)
}

export function isPositional({ type }: Arg): boolean {
  return type === 'positional'
}

function nameOf(positional: string, { several }: Arg): string {
  return several ? `${positional.toUpperCase()}...` : positional.toUpperCase()
}

function written(option: string, arg: Arg): string {
  if (arg.type === 'boolean' || arg.type === undefined) return `--${option}`
  if (arg.type === 'enum') return `--${option} ${(arg.options ?? []).join('|')}`
  const hint = arg.valueHint?.toUpperCase() ?? VALUES[option] ?? option.split('-').at(-1)!.toUpperCase()
  return `--${option} ${hint}`
}

function bracketed(text: string, isOptional: boolean): string {
  return isOptional ? `[${text}]` : text
}

function about(arg: Arg): string {
  const text = arg.description ?? ''
  const { default: value } = arg as { default?: unknown }
  return value === undefined || value === false || /\(default/.test(text) ? text : `${text} (default: ${value})`
}

async function descriptionOf(command: unknown): Promise<string> {
  const meta = (await resolved(((await resolved(command)) as CommandDef).meta)) as { description?: string } | undefined
  return meta?.description ?? ''
}

function table(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.min(34, Math.max(...rows.map(([name]) => name.length)))
  return rows.flatMap(([name, text]) => {
    const [first = '', ...more] = wrapped(text, WIDTH - width - 4)
    const indent = ' '.repeat(width + 4)
    const head = name.length > width ? [`  ${name}`, `${indent}${first}`] : [`  ${name.padEnd(width)}  ${first}`]
    return [...head.map((it) => it.trimEnd()), ...more.map((it) => `${indent}${it}`)]
  })
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const line = lines.at(-1)
    if (line === undefined || line.length + 1 + word.length > width) lines.push(word)
    else lines[lines.length - 1] = `${line} ${word}`
  }
  return lines
}

export async function resolved(value: unknown): Promise<unknown> {
  return typeof value === 'function' ? await (value as () => unknown)() : await value
}
