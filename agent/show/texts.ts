/** What the laptop's user is told about the agent: the texts that each language has. */
import type { CategoryOf } from '../../wire/event.ts'
import type { NEVER_COLLECTED } from '../../wire/privacy.ts'

type SameLength<T extends readonly string[]> = { readonly [K in keyof T]: string }

/** `{name}` is replaced; a test compares the names in all languages. */
export interface Texts {
  /** What the language calls itself. */
  language: string
  title: string
  intro: string
  skip: string
  reportsTo: string
  connected: string
  notConnected: string
  notRunning: string
  waiting: string
  lastReceived: string
  asOf: string
  never: string
  contact: string
  noContact: string
  policy: string
  policyVersion: string
  policyOfGroup: string
  noPolicy: string
  policyTrouble: string
  policyBounds: string
  today: string
  sentSince: string
  nothingToday: string
  on: string
  off: string
  offByCompany: string
  offByLaw: string
  onByCompany: string
  slower: string
  why: string
  lastSent: string
  noExample: string
  hidden: string
  hiddenAll: string
  field: string
  value: string
  folders: string
  foldersNote: string
  neverCollected: string
  kept: string
  inTerminal: string
  languages: string
  rootKinds: Record<'removable' | 'sync' | 'staging' | 'source' | 'share', string>
  about: Record<CategoryOf<'agent'>, string>
  /** What it is good for. */
  purpose: Record<CategoryOf<'agent'>, string>
  /** As long as the list in `wire/privacy.ts`, and in its order. */
  neverList: SameLength<typeof NEVER_COLLECTED>
  caveat: string
}

/** `{name}` becomes `values.name`. */
export function filled(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (Object.hasOwn(values, name) ? values[name]! : whole))
}
