/** Every way we fail on purpose. Codes travel in acks, refusals and logs: retire one, never reuse it. */
export const FAULTS = {
  'wire.version': 'This wire version is not spoken here.',
  'wire.malformed': 'The message does not match the wire contract.',
  'wire.unexpected': 'This message is not expected in this state.',
  'wire.oversize': 'The frame is larger than the contract allows.',
  'batch.malformed': 'The batch does not match the wire contract.',
  'batch.bomb': 'The batch unpacks to more than the contract allows.',
  'batch.order': 'The events of a batch must be numbered upwards.',
  'event.malformed': 'The event does not match its category.',
  'event.origin': 'This category is not made by agents.',
  'event.off': 'The policy switched this category off.',
  'event.conflict': 'This number was used before for another event.',
  'device.unknown': 'No device with this id is enrolled here.',
  'device.revoked': 'This device has been revoked.',
  'device.proof': 'The proof does not match the key of this device.',
  'device.host': 'The proof was made for another host name.',
  'device.cloned': 'Another session with this identity is open.',
  'enroll.token': 'The enrolment token is unknown, used or expired.',
  'enroll.malformed': 'The enrolment request does not match the wire contract.',
  'agent.not_enrolled': 'This laptop is not enrolled.',
  'agent.plain': 'Plain WebSocket is allowed on loopback only.',
  'agent.policy': 'The policy is not signed by the server this laptop enrolled with.',
  'agent.running': 'Another agent is using this folder.',
  'agent.server': 'The server could not prove that it is the one this laptop enrolled with.',
  'agent.unreachable': 'The server cannot be reached.',
  'rate.exceeded': 'Too much at once; slow down.',
  'server.busy': 'The server cannot take more right now.',
  'server.plain': 'Without TLS the server listens on loopback only.',
  'server.running': 'Another server is using this data folder.',
  'server.port': 'The address is in use.',
  'store.unwritable': 'The data folder cannot be written.',
  'store.newer': 'The data folder was written by a newer Tellwire.',
  'store.missing': 'There is no Tellwire data in this folder.',
  'store.superseded': 'Another judgement took the place of this one.',
  'store.damaged': 'What was stored is damaged.',
  'config.invalid': 'The configuration does not match its schema.',
  'rule.invalid': 'The rule cannot be used.',
  'roster.invalid': 'The roster cannot be used.',
  'feed.invalid': 'The feed file cannot be used.',
  'events.invalid': 'The events cannot be read.',
  'api.unauthenticated': 'Sign in first.',
  'api.forbidden': 'This needs another role.',
  'api.notfound': 'There is no such thing here.',
  'api.invalid': 'The request does not match the API.',
  'api.failed': 'The server could not answer; its log says why.',
  usage: 'The command was not understood.',
} as const
export type FaultCode = keyof typeof FAULTS

/**
 * A failure that has a code, says where, and what to do.
 *
 * Shape   `where` a file with line and column, a field path or an address; `todo` one sentence; `facts` for the log.
 */
export class Fault extends Error {
  override readonly name = 'Fault'
  readonly code: FaultCode
  readonly where: string | null
  readonly todo: string | null
  readonly facts: Readonly<Record<string, unknown>>

  constructor(
    code: FaultCode,
    about: { where?: string; todo?: string; facts?: Record<string, unknown>; cause?: unknown } = {},
  ) {
    const { where = null, todo = null, facts = {}, cause } = about
    super(`${where ? `${where}: ` : ''}${FAULTS[code]}${todo ? ` ${todo}` : ''} [${code}]`, { cause })
    this.code = code
    this.where = where
    this.todo = todo
    this.facts = facts
  }
}
