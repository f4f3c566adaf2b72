/** Every expected failure. Acks, refusals and logs contain the codes, so a retired code is never reused. */
export const FAULTS = {
  'wire.version': 'This wire version is not supported here.',
  'wire.malformed': 'The message does not match the wire contract.',
  'wire.unexpected': 'This message is not expected in this state.',
  'wire.oversize': 'The frame is larger than the contract allows.',
  'batch.malformed': 'The batch does not match the wire contract.',
  'batch.bomb': 'The batch unpacks to more than the contract allows.',
  'batch.order': 'The events of a batch are not in ascending order.',
  'event.malformed': 'The event does not match its category.',
  'event.origin': 'Agents may not send this category.',
  'event.off': 'The policy has switched this category off.',
  'event.conflict': 'This number has already been used for another event.',
  'device.unknown': 'No device with this id is enrolled here.',
  'device.revoked': 'This device has been revoked.',
  'device.proof': 'The proof does not match the key of this device.',
  'device.host': 'The proof was made for another host name.',
  'device.cloned': 'Another session with this identity is open.',
  'enroll.token': 'The enrollment token is unknown, used or expired.',
  'enroll.malformed': 'The enrollment request does not match the wire contract.',
  'agent.not_enrolled': 'This laptop is not enrolled.',
  'agent.plain': 'Plain WebSocket is allowed on loopback only.',
  'agent.policy': 'The policy is not signed by the server this laptop enrolled with.',
  'agent.running': 'Another agent is using this folder.',
  'agent.server': 'The server could not prove that it is the one this laptop enrolled with.',
  'agent.uninstall': 'The server demands a token for removing the agent from this laptop.',
  'agent.unreachable': 'The server cannot be reached.',
  'package.invalid': 'The package cannot be used.',
  'upgrade.failed': 'The new version did not show that it works.',
  'upgrade.waiting': 'The server does not allow this version yet.',
  'rate.exceeded': 'Too much in too short a time.',
  'server.busy': 'The server cannot take more right now.',
  'server.plain': 'Without TLS the server listens on loopback only.',
  'server.running': 'Another server is using this data folder.',
  'server.port': 'The address is in use.',
  'store.unwritable': 'The data folder cannot be written.',
  'store.newer': 'The data folder was written by a newer Tellwire.',
  'store.missing': 'There is no Tellwire data in this folder.',
  'store.superseded': 'Another evaluation has replaced this one.',
  'store.damaged': 'Stored data is damaged.',
  'config.invalid': 'The configuration does not match its schema.',
  'rule.invalid': 'The rule cannot be used.',
  'roster.invalid': 'The roster cannot be used.',
  'feed.invalid': 'The feed file cannot be used.',
  'events.invalid': 'The events cannot be read.',
  'api.unauthenticated': 'Sign in first.',
  'api.forbidden': 'This is not allowed.',
  'api.notfound': 'The requested item does not exist.',
  'api.invalid': 'The request is not valid.',
  'api.failed': 'The server could not answer because of an internal error.',
  usage: 'The command cannot run as given.',
} as const
export type FaultCode = keyof typeof FAULTS

export interface FaultDetails {
  /** A file with line and column, a field path or an address. */
  where?: string | null
  /** The cause: 'The database is locked.' */
  why?: string | null
  /** What to do about it, in the imperative: 'Restore the data folder from a backup.' */
  todo?: string | null
  /** For the log. */
  facts?: Record<string, unknown>
  cause?: unknown
}

/**
 * A failure with a code, where it is, why it happened and what to do.
 *
 * Shape   `why` and `todo` are whole sentences; the constructor adds a missing full stop. Null: nothing beyond what the
 *         code says. `detail` joins both, for messages with one field for them.
 *         The message is `<where>: <meaning of the code> <why> <todo> [code]`.
 * Units   each text has at most `TEXT_MAX` characters: it may quote a line that somebody else wrote.
 */
export class Fault extends Error {
  override readonly name = 'Fault'
  readonly code: FaultCode
  readonly where: string | null
  readonly why: string | null
  readonly todo: string | null
  readonly facts: Readonly<Record<string, unknown>>

  constructor(code: FaultCode, { where, why, todo, facts = {}, cause }: FaultDetails = {}) {
    const place = where ? shortened(where) : (where ?? null)
    const texts = [FAULTS[code], sentence(why), sentence(todo)].filter((it) => it !== null)
    super(`${place ? `${place}: ` : ''}${texts.join(' ')} [${code}]`, { cause })
    this.code = code
    this.where = place
    this.why = sentence(why)
    this.todo = sentence(todo)
    this.facts = facts
  }

  get detail(): string | null {
    return [this.why, this.todo].filter((it) => it !== null).join(' ') || null
  }
}

const TEXT_MAX = 1_000

function shortened(text: string): string {
  return text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX - 1).toWellFormed()}…` : text
}

/** Null for no text. */
function sentence(text: string | null | undefined): string | null {
  const trimmed = shortened(text?.trim() ?? '')
  if (!trimmed) return null
  return /[.!?\u2026]$/.test(trimmed) ? trimmed : `${trimmed}.`
}
