/**
 * Removes the agent from this laptop.
 *
 * Shape   the agent says why it stops, and tries to send what is left; then its service, program, state and settings are
 *         removed. With `packaged`, a package manager removes the files, and this does what comes before.
 * Errors  Fault 'agent.uninstall' if the policy demands a token and there is no valid one. This keeps a colleague from
 *         removing it by mistake and shows who did not ask; root can always remove files by hand (SECURITY.md).
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { Fault } from '../../wire/fault.ts'
import { type Policy, signedText, UninstallToken } from '../../wire/messages.ts'
import { agentPaths, type Config } from '../config.ts'
import { isSigned } from '../identity.ts'
import { sayGoodbye } from './goodbye.ts'
import { definitionsOf } from './install.ts'
import type { Places } from './places.ts'
import type { Service } from './service.ts'
import { readWord } from './word.ts'

export interface UninstallDeps {
  places: Places
  folder: string
  service: Service
  product: 'linux' | 'macos' | 'windows'
  /** Null: not enrolled, or it cannot be read. */
  enrolled: { config: Config; policy: Policy | null } | null
  now: number
  packaged: boolean
  token: string | null
}

export function uninstall(deps: UninstallDeps): void {
  const { places, folder, service, product, enrolled, packaged } = deps
  if (enrolled?.policy?.uninstallToken) checkToken(deps.token ?? readWord(places.uninstall), enrolled.config, deps.now)
  sayGoodbye(folder, 'uninstall')
  service.stop()
  // Windows Installer removes it itself, and brings it back if the removal fails.
  if (!packaged || product !== 'windows') service.disable()
  if (packaged) {
    rmSync(agentPaths(folder).goodbye, { force: true })
    return
  }
  const { definitions } = service
  if (definitions !== null)
    for (const name of Object.keys(definitionsOf(product, places))) rmSync(join(definitions, name), { force: true })
  for (const path of [places.link, places.settings, places.state, places.program])
    if (path !== null) rmSync(path, { recursive: true, force: true })
}

/** Errors  Fault 'agent.uninstall'. */
export function checkToken(token: string | null, { device, serverKey }: Config, now: number): void {
  const refuse = (why: string) =>
    new Fault('agent.uninstall', {
      where: device,
      why,
      todo: 'Ask the security team: tellwire laptops uninstall-token DEVICE. Then give it with --token, or in the file `uninstall` of the settings.',
    })
  if (token === null) throw refuse('There is none.')
  const found = parseToken(token)
  if (found === null) throw refuse('It is incomplete or mistyped.')
  if (!isSigned(serverKey, signedText.uninstall(found.device, found.until), found.signature) || found.device !== device)
    throw refuse("This laptop's server did not make it for this laptop.")
  if (found.until < now) throw refuse('It has expired.')
}

function parseToken(text: string): UninstallToken | null {
  if (!text.startsWith('twu1.')) return null
  try {
    return UninstallToken.parse(JSON.parse(Buffer.from(text.slice(5), 'base64url').toString('utf8')))
  } catch {
    return null
  }
}
