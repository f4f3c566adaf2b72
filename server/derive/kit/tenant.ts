/**
 * Whether the contract approves a tool, in the company's own tenant: the same tool in another tenant is not approved
 * (#13, N1).
 *
 * Shape   an approval that names a tenant applies when the event shows that tenant or none, and not when it shows
 *         another one: as a relay or server on the command line, or in the customer's part of a host name.
 */
import type { Contract } from '../../../wire/contract.ts'
import type { Event } from '../../../wire/event.ts'

export function isApprovedTool(contract: Contract | null, found: { id: string; name: string }, event: Event): boolean {
  const names = [found.id.toLowerCase(), found.name.toLowerCase()]
  const entries = contract?.approvedTools?.filter((it) => names.includes(it.tool.toLowerCase())) ?? []
  if (entries.length === 0) return false
  if (entries.some((it) => it.tenant == null)) return true
  const text = textOf(event).toLowerCase()
  return entries.some((it) => hasWord(text, it.tenant!.toLowerCase())) || !showsTenant(text)
}

/** The text of an event that may name a tenant. */
function textOf(event: Event): string {
  switch (event.category) {
    case 'process_creation':
      return event.CommandLine ?? ''
    case 'autostart':
      return event.Command ?? ''
    case 'software':
      return event.Identifier ?? ''
    case 'network_connection':
    case 'egress':
      return event.DestinationHostname ?? ''
    default:
      return ''
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

/** Options that tell a tool its tenant, and hosts whose first label is the customer. General knowledge. */
const TENANT =
  /[?&]h=[^&\s"]|--?(?:tenant|instance|relay|server|login-server|management-url|account|org)[= ]\S|(?:^|[\s/"@=])[a-z0-9-]+\.(?:screenconnect|hostedrmm|bomgarcloud|beyondtrustcloud)\.com/

function showsTenant(text: string): boolean {
  return TENANT.test(text)
}
