/** The additions of each event, and the metrics computed from the sums. */
import { toolNameOf } from '../../../../rules/catalogue/tool-names.ts'
import type { Contract } from '../../../../wire/contract.ts'
import type { EventOf } from '../../../../wire/event.ts'
import type { METRICS } from '../../../../wire/events/derived.ts'
import { sha256 } from '../../../../wire/sha256.ts'
import type { Seen } from '../../deriver.ts'
import { approvedExit } from '../../kit/place.ts'
import { hasWord, isApprovedTool, tenantsIn } from '../../kit/tenant.ts'
import { COUNTS, type Count, type Sums } from './book.ts'

/** Metrics with one number per day, compared with other days and other workers. */
export const DAILY = [
  'repositories',
  'egress_bytes',
  'file_share_bytes',
  'removable_bytes',
  'removable_files',
  'sync_bytes',
  'sync_files',
  'archive_bytes',
] as const satisfies (typeof METRICS)[number][]
export type Daily = (typeof DAILY)[number]

/** The sums that each metric is computed from. */
export const MADE_OF: Record<Daily, readonly Count[]> = {
  repositories: ['cloned', 'audited'],
  egress_bytes: ['egress', 'egress_seen', 'egress_approved'],
  file_share_bytes: ['file_share'],
  removable_bytes: ['removable_bytes'],
  removable_files: ['removable_files'],
  sync_bytes: ['sync_bytes'],
  sync_files: ['sync_files'],
  archive_bytes: ['archive'],
}

const PLACES = Object.fromEntries(COUNTS.map((it, place) => [it, place])) as Record<Count, number>

/**
 * The laptop and the code host see the same clones, so the larger number counts. The network interface counts all bytes
 * sent; where that is not collected, the sum over programs and destinations is used.
 */
export function measured(metric: Daily, sums: Sums): number {
  const of = (count: Count) => sums[PLACES[count]] ?? 0
  if (metric === 'repositories') return Math.max(of('cloned'), of('audited'))
  if (metric === 'egress_bytes') return Math.max(0, Math.max(of('egress'), of('egress_seen')) - of('egress_approved'))
  return of(MADE_OF[metric][0]!)
}

export function isActive(sums: Sums): boolean {
  return of(sums, 'active') > 0
}

function of(sums: Sums, count: Count): number {
  return sums[PLACES[count]] ?? 0
}

export type Addition = readonly [count: Count, value: number]

const FILE_SHARES = new Set(['file-drop', 'messaging', 'cloud-sync', 'exfil-cli'])
const COPIES = new Set(['clone', 'download'])

/** The additions of an event; empty when it moves no data. */
export function additionsOf({ event, contract, facts, time }: Seen): Addition[] {
  switch (event?.category) {
    case 'egress': {
      const { BytesSent: sent, Image, DestinationIp: ip, DestinationHostname: host } = event
      if (sent === 0) return []
      if (Image === null && ip === null && host === null) return [['egress', sent]]
      const approved = isApprovedDestination(contract, host, ip, time)
      const shares = facts?.tools?.filter((it) => FILE_SHARES.has(it.category)) ?? []
      const tenants = { shown: shares.length > 0 ? tenantsIn(event) : [], installed: [] }
      const shared = !approved && shares.some((it) => !isApprovedTool(contract, it, tenants))
      return [
        ['egress_seen', sent],
        ...(approved ? [['egress_approved', sent] as const] : []),
        ...(shared ? [['file_share', sent] as const] : []),
      ]
    }
    case 'file_burst':
      if (event.RootKind === 'removable') return bytesAndFiles('removable_bytes', 'removable_files', event)
      if (event.RootKind === 'sync' && !isOurSync(contract, event.Root))
        return bytesAndFiles('sync_bytes', 'sync_files', event)
      return []
    case 'archive_created':
      return event.Bytes === 0 ? [] : [['archive', event.Bytes]]
    case 'repository':
      // Without a host, the source is a folder on this laptop.
      return event.Action === 'clone' && event.Host !== null ? [['cloned', hashOf(cloneOf(event))]] : []
    case 'repo_audit':
      if (!COPIES.has(event.Action)) return []
      return Array.from({ length: Math.min(event.Count ?? 1, 64) || 1 }, (_, nth) => [
        'audited',
        hashOf(nth === 0 ? (event.Repository ?? event.id) : `${event.id} ${nth}`),
      ])
    default:
      return []
  }
}

function bytesAndFiles(bytes: Count, files: Count, event: EventOf<'file_burst'>): Addition[] {
  return [
    [bytes, event.Bytes],
    [files, event.Files],
  ]
}

/**
 * Identifies a repository: the laptop does not report its name. Clones from the same namespace with the same size are
 * of the same repository; without a size, every clone counts as another one.
 */
function cloneOf({ Host, Namespace, Bytes, id }: EventOf<'repository'>): string {
  return Bytes === null ? id : JSON.stringify([Host, Namespace, Bytes])
}

/** 48 bits: exact as a number, and enough for thousands of repositories without a collision. */
function hashOf(text: string): number {
  return Number.parseInt(sha256(text).slice(0, 12), 16)
}

/** Whether the contract approves the destination: backups, the company's own storage (N17, N18). */
function isApprovedDestination(
  contract: Contract | null,
  host: string | null,
  ip: string | null,
  time: number,
): boolean {
  if (!contract?.approvedEgress) return false
  const name = host?.toLowerCase().replace(/\.$/, '')
  const domains = contract.approvedEgress.flatMap((it) => (it.domain ? [it.domain.toLowerCase()] : []))
  if (name && domains.some((it) => name === it || name.endsWith(`.${it}`))) return true
  return ip !== null && approvedExit(contract, ip, null, time)
}

/** A sync folder that the contract approves: by its tool, and by the tenant in the folder's name (N18). */
function isOurSync(contract: Contract | null, root: string): boolean {
  const path = root.toLowerCase()
  return (
    contract?.approvedTools?.some(
      (it) =>
        namesOf(it.tool).some((name) => path.includes(name)) &&
        (it.tenant == null || hasWord(path, it.tenant.toLowerCase())),
    ) ?? false
  )
}

/** As it was written, and as the catalogue calls it: 'onedrive' for 'OneDrive for Business'. */
function namesOf(tool: string): string[] {
  return [tool.toLowerCase(), (toolNameOf(tool) ?? tool).toLowerCase()]
}
