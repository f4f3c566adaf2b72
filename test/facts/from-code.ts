/**
 * Which fields of events our code reads and fills, from its types.
 *
 * Shape   by folder of code. Read: a property or a destructured name, on a type that is an event of known categories.
 *         Filled: a property of an object literal with such a type, unless its type is null alone. `shared`: which
 *         shared files of collectors each system's list reaches; only there do they fill anything. `inputs`: what a
 *         deriver reads besides fields, as sessions and what the catalogue recognised.
 * Source  the compiler's own types, through its API, which it calls unstable: this file is all that uses it.
 */
import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import {
  isIdentifier,
  isObjectBindingPattern,
  isObjectLiteralExpression,
  isPropertyAccessExpression,
  type Node,
} from 'typescript/unstable/ast'
import { API, type Checker, type Type, TypeFlags } from 'typescript/unstable/sync'
import type { CodeFacts, FieldSets } from '../../rules/tooling/code-facts.ts'
import { bySystem } from '../../rules/tooling/makers.ts'
import { Event } from '../../wire/event.ts'
import { reached } from './reached.ts'

const ROOT = join(import.meta.dirname, '../..')
const CATEGORIES = new Set<string>(Event.options.map((it) => it.shape.category.value))

export function codeFacts(): CodeFacts {
  const api = new API({ cwd: ROOT })
  try {
    const [project] = api.updateSnapshot({ openProjects: [join(ROOT, 'tsconfig.json')] }).getProjects()
    if (!project) throw new Error('tsconfig.json gives no project')
    const reads = new Sets()
    const fills = new Sets()
    const inputs = new Map<string, Set<string>>()
    for (const name of project.program.getSourceFileNames()) {
      const path = relative(ROOT, name).replaceAll('\\', '/')
      const room = roomOf(path)
      const file = room && project.program.getSourceFile(name)
      if (!room || !file) continue
      const { names, literals } = nodesOf(file)
      if (room.reads !== null) addReads(reads, inputs, room.reads, names, project.checker)
      if (room.fills !== null) addFills(fills, room.fills, literals, project.checker)
    }
    const filled = fills.sorted()
    return {
      reads: reads.sorted(),
      inputs: sorted(inputs, (it) => [...it].sort()),
      fills: filled,
      shared: sharedMakers(filled),
    }
  } finally {
    api.close()
  }
}

function sharedMakers(filled: FieldSets): CodeFacts['shared'] {
  const files = reached('agent/collectors/index.ts', (path) => readFileSync(join(ROOT, path), 'utf8'))
  return bySystem((system) =>
    files[system].flatMap((path) => roomOf(path)?.fills ?? []).filter((it) => /^shared\//.test(it) && it in filled),
  )
}

interface Room {
  reads: string | null
  fills: string | null
}

/** Whose code a file is. Null: it neither reads nor fills events, or only shows them. */
function roomOf(path: string): Room | null {
  const [, collector] = /^agent\/collectors\/((?:linux|macos|windows|shared)\/[^/]+)\.ts$/.exec(path) ?? []
  if (collector) return { reads: null, fills: collector }
  const [, host] = /^agent\/host\/(linux|macos|windows)\.ts$/.exec(path) ?? []
  if (host) return { reads: null, fills: `host ${host}` }
  if (/^agent\/[^/]+\.ts$/.test(path)) return { reads: null, fills: 'agent' }
  const [, deriver] = /^server\/derive\/derivers\/([^/.]+)/.exec(path) ?? []
  // A part of the deriver of hardware, in a file of its own.
  if (deriver === 'jiggler') return { reads: 'deriver hardware', fills: null }
  if (deriver) return { reads: `deriver ${deriver}`, fills: `deriver ${deriver}` }
  const [, kit] = /^server\/derive\/kit\/([^/.]+)/.exec(path) ?? []
  if (kit) return { reads: `derivers' ${kit}`, fills: `derivers' ${kit}` }
  if (path === 'rules/catalogue/hardware.ts') return { reads: 'catalogue of hardware', fills: null }
  if (path.startsWith('rules/catalogue/')) return { reads: 'catalogue of tools', fills: null }
  if (/^server\/(feeds|ingest)\//.test(path)) return { reads: 'address databases', fills: null }
  if (path === 'server/derive/coverage.ts' || path.startsWith('server/views/')) return { reads: 'console', fills: null }
  return null
}

interface Nodes {
  /** A name of a field or an input, and the node whose type has it. */
  names: { name: string; of: Node }[]
  literals: Node[]
}

/** Our fields begin with a capital letter, and hardly any other name of a property does. */
const IS_FIELD = /^[A-Z]/

/**
 * What derivers read besides fields: a property, the input that it is, and another property that its type has, which
 * tells it from others of the name.
 */
const INPUTS: Readonly<Record<string, readonly [input: string, beside: string]>> = {
  connection: ['session', 'firstBoot'],
  peer: ['address databases', 'firstBoot'],
  tools: ['catalogue of tools', 'hardware'],
  hardware: ['catalogue of hardware', 'tools'],
}

function isRead(name: string): boolean {
  return IS_FIELD.test(name) || Object.hasOwn(INPUTS, name)
}

function nodesOf(file: Node): Nodes {
  const found: Nodes = { names: [], literals: [] }
  const visit = (node: Node): undefined => {
    if (isPropertyAccessExpression(node)) {
      if (isRead(node.name.text)) found.names.push({ name: node.name.text, of: node.expression })
    } else if (isObjectBindingPattern(node)) {
      for (const it of node.elements) {
        const name = it.propertyName ?? it.name
        if (name && isIdentifier(name) && isRead(name.text)) found.names.push({ name: name.text, of: node })
      }
    } else if (isObjectLiteralExpression(node)) found.literals.push(node)
    node.forEachChild(visit)
    return undefined
  }
  visit(file)
  return found
}

function addReads(
  sets: Sets,
  inputs: Map<string, Set<string>>,
  reader: string,
  names: Nodes['names'],
  checker: Checker,
): void {
  if (names.length === 0) return
  const types = checker.getTypeAtLocation(names.map((it) => it.of))
  for (const [index, { name }] of names.entries()) {
    const [input, beside] = INPUTS[name] ?? []
    if (input === undefined || beside === undefined)
      for (const category of categoriesOf(types[index], checker)) sets.add(reader, category, name)
    else if (partsOf(types[index]).some((it) => checker.getPropertyOfType(it, beside)))
      inputs.set(reader, (inputs.get(reader) ?? new Set()).add(input))
  }
}

/** What the agent says about itself and takes from the host, by the host's name for it. */
const MACHINE = { fingerprint: 'Fingerprint', virtual: 'Virtual', bootId: 'BootId' }

function addFills(sets: Sets, maker: string, literals: readonly Node[], checker: Checker): void {
  if (literals.length === 0) return
  for (const type of checker.getTypeAtLocation(literals))
    for (const one of partsOf(type)) {
      for (const [name, field] of Object.entries(MACHINE)) {
        const symbol = maker.startsWith('host ') && checker.getPropertyOfType(one, name)
        if (symbol && checker.getTypeOfSymbol(symbol)?.flags !== TypeFlags.Null) sets.add(maker, 'agent_state', field)
      }
      for (const category of categoriesOf(one, checker)) {
        const fields = checker.getPropertiesOfType(one).filter((it) => IS_FIELD.test(it.name))
        const kinds = fields.length === 0 ? [] : checker.getTypeOfSymbol(fields)
        for (const [index, { name }] of fields.entries())
          if (kinds[index] && kinds[index].flags !== TypeFlags.Null) sets.add(maker, category, name)
      }
    }
}

/** The members of a union, without null and undefined. */
function partsOf(type: Type | undefined): readonly Type[] {
  if (!type) return []
  const parts = type.isUnionType() ? (type.getTypes() ?? []) : [type]
  return parts.filter((it) => (it.flags & (TypeFlags.Object | TypeFlags.Intersection)) !== 0)
}

const known = new Map<number, readonly string[]>()

/** The categories of an event's type; empty: it is no event. A type of all events is read for what all have. */
function categoriesOf(type: Type | undefined, checker: Checker): readonly string[] {
  return partsOf(type).flatMap((part) => {
    let found = known.get(part.id)
    if (!found) {
      const symbol = checker.getPropertyOfType(part, 'category')
      const category = symbol && checker.getTypeOfSymbol(symbol)
      const values = category?.isUnionType() ? (category.getTypes() ?? []) : category ? [category] : []
      found = values.flatMap((it) => (it.isStringLiteralType() && CATEGORIES.has(it.value) ? [it.value] : []))
      known.set(part.id, found)
    }
    return found
  })
}

/** Fields by category, by who reads or fills them. */
class Sets {
  readonly #fields = new Map<string, Map<string, Set<string>>>()

  add(who: string, category: string, field: string): void {
    const categories = this.#fields.get(who) ?? new Map<string, Set<string>>()
    this.#fields.set(who, categories)
    const fields = categories.get(category) ?? new Set()
    categories.set(category, fields.add(field))
  }

  sorted(): FieldSets {
    return sorted(this.#fields, (categories) => sorted(categories, (fields) => [...fields].sort()))
  }
}

function sorted<T, U>(map: ReadonlyMap<string, T>, of: (it: T) => U): Record<string, U> {
  return Object.fromEntries([...map].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, it]) => [key, of(it)]))
}
