/**
 * The handshake: from an agent's hello to the proof of its key.
 *
 * Shape   the server proves itself first. It reports an unknown or revoked device only after the agent's proof, when
 *         the agent has verified the server.
 * Errors  Fault 'device.unknown', 'device.revoked', 'device.proof', 'device.host'; errors of the store.
 */
import { Fault } from '../../wire/fault.ts'
import { type FromAgent, type FromServer, type Hello, signedText } from '../../wire/messages.ts'
import type { Enrolled } from '../model/device.ts'
import { type ServerKeys, signedBy } from './identity.ts'

type Challenge = Extract<FromServer, { type: 'challenge' }>
type Proof = Extract<FromAgent, { type: 'proof' }>

export interface HandshakeDeps {
  keys: ServerKeys
  /** Whether this is a host name of this server. */
  isOurName(host: string): boolean
  enrolled(device: string): Promise<Enrolled | null>
  now(): number
  randomBytes(size: number): Buffer
}

export class Handshake {
  readonly #deps: HandshakeDeps
  readonly #nonce: string
  #hello: Hello | null = null
  #clockSkewMs = 0
  #group: string | null = null

  constructor(deps: HandshakeDeps) {
    this.#deps = deps
    this.#nonce = deps.randomBytes(32).toString('hex')
  }

  get hello(): Hello | null {
    return this.#hello
  }

  /** The agent's clock minus the server's. */
  get clockSkewMs(): number {
    return this.#clockSkewMs
  }

  /** The group that the laptop was in when it was last looked up. */
  get group(): string | null {
    return this.#group
  }

  challenge(hello: Hello): Challenge {
    const { keys, now } = this.#deps
    const time = now()
    this.#hello = hello
    this.#clockSkewMs = hello.time - time
    const signature = keys.sign(signedText.challenge(hello.nonce, this.#nonce))
    return { type: 'challenge', nonce: this.#nonce, signature, time }
  }

  /** Resolves when the key is proven. */
  async verify({ host, signature }: Proof): Promise<void> {
    const { device, nonce, epoch } = this.#hello!
    const { publicKey } = await this.stillEnrolled()
    if (!signedBy(publicKey, signedText.proof(nonce, this.#nonce, host, device, epoch), signature))
      throw new Fault('device.proof', { where: device, todo: 'Sign the text of this challenge with the enrolled key.' })
    if (!this.#deps.isOurName(host))
      throw new Fault('device.host', { where: host, todo: "Add this name to the server's hostNames if it is correct." })
  }

  /** Checks again, because the device may have been revoked meanwhile, or moved to another group. */
  async stillEnrolled(): Promise<Enrolled> {
    const { device } = this.#hello!
    const enrolled = await this.#deps.enrolled(device)
    if (!enrolled) throw new Fault('device.unknown', { where: device, todo: 'Enroll this laptop with a new token.' })
    this.#group = enrolled.group ?? null
    if (enrolled.revokedAt === null) return enrolled
    throw new Fault('device.revoked', { where: device, todo: 'Ask the security team for a new token.' })
  }
}
