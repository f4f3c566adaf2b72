/**
 * Whether the contract approves a tool, in the company's own tenant: the same tool in another tenant is not approved
 * (#13, N1).
 *
 * Shape   a tool is compared by the catalogue's names (`toolIdOf`), so that every spelling of it is the same. An approval
 *         that names a tenant applies to what shows that tenant, and to what shows none if the same tool on this laptop
 *         shows that tenant or none: it approves the installation, not one event. A tenant is shown as a relay, server
 *         or account on the command line, or in the customer's part of a host name.
 */
import { toolIdOf } from '../../../rules/catalogue/tool-names.ts'
import type { Contract } from '../../../wire/contract.ts'
import type { Event } from '../../../wire/event.ts'

const MAX_TENANTS = 4
const MAX_TENANT_CHARS = 128

export interface Tenants {
  /** Those the event itself shows. */
  shown: readonly string[]
  /** Those of the same tool on this laptop. */
  installed: readonly string[]
}

export function isApprovedTool(
  contract: Contract | null,
  tool: { id: string; name: string },
  { shown, installed }: Tenants,
): boolean {
  if (!contract?.approvedTools) return false
  const ids = [tool.id.toLowerCase(), toolIdOf(tool.name)]
  const entries = contract.approvedTools.filter((it) => ids.includes(toolIdOf(it.tool)))
  if (entries.length === 0) return false
  if (entries.some((it) => it.tenant == null)) return true
  const isOurs = (shown: string) => entries.some((it) => hasWord(shown, it.tenant!.toLowerCase()))
  if (shown.length > 0) return shown.some(isOurs)
  return installed.length === 0 || installed.some(isOurs)
}

/** The tenants that an event of a tool shows, in lower case; mostly none. */
export function tenantsIn(event: Event): readonly string[] {
  const text = textOf(event)
  // Nearly all events of a tool end here.
  if (text === null || !MAY_SHOW.test(text)) return NONE
  const found = new Set<string>()
  for (const [, option, host] of text.toLowerCase().matchAll(TENANT)) {
    if (found.size < MAX_TENANTS) found.add((option ?? host ?? '').slice(0, MAX_TENANT_CHARS))
  }
  return [...found].sort()
}

const NONE: readonly string[] = []

/** Options that tell a tool its tenant, and hosts whose first label is the customer. General knowledge. */
const TENANT =
  /(?:[?&]h=|--?(?:tenant|instance|relay|server|login-server|management-url|account|org)[= ]"?)([^&\s"]+)|(?:^|[\s/"@=])([a-z0-9-]+\.(?:screenconnect|hostedrmm|bomgarcloud|beyondtrustcloud)\.com)/g
const MAY_SHOW =
  /[?&]h=|-(?:tenant|instance|relay|server|management-url|account|org)|\.(?:screenconnect|hostedrmm|bomgarcloud|beyondtrustcloud)\.com/i

/** The text of an event that may name a tenant. */
function textOf(event: Event): string | null {
  switch (event.category) {
    case 'process_creation':
      return event.CommandLine
    case 'autostart':
      return event.Command
    case 'software':
      return event.Identifier
    case 'network_connection':
    case 'egress':
      return event.DestinationHostname
    default:
      return null
  }
}

/**
 * Whether `word` is a whole word: 'acme' is one of 'acme.example.com' and 'instance-acme-relay', not of 'acme-evil'.
 */
export function hasWord(text: string, word: string): boolean {
  const isPart = (it: string | undefined) => it !== undefined && /[\p{L}\p{N}_-]/u.test(it)
  const plain = text.replace(/instance-([a-z0-9]+)-relay/g, ' $1 ')
  for (let at = plain.indexOf(word); word !== '' && at >= 0; at = plain.indexOf(word, at + 1))
    if (!isPart(plain[at - 1]) && !isPart(plain[at + word.length])) return true
  return false
}
