/**
 * Notices that the server cannot be reached although the laptop is online: its name leads nowhere, or a firewall keeps
 * the agent from it.
 *
 * Shape   `take` returns a finding once it has lasted `CUT_OFF_MS` and a program of the laptop has opened a connection
 *         to a public address meanwhile, and again when the server is reached. A server that answers that it is busy is
 *         reached.
 *         `namedElsewhere` says whether the laptop itself keeps the name from leading to the server: a line of the hosts
 *         file with an address of the laptop itself, or another than when the server was reached; or a resolver
 *         that answers with one of the laptop's own.
 * Units   ms in which the laptop is awake.
 * Errors  a hosts file that cannot be read, and a name that cannot be resolved, say nothing.
 */
import { lookup } from 'node:dns/promises'
import { BlockList, isIP } from 'node:net'
import type { Observation, ObservationOf } from '../wire/event.ts'
import type { Host } from './host/host.ts'
import type { UplinkStatus } from './uplink/session.ts'

type CutOffBy = NonNullable<ObservationOf<'agent_state'>['CutOffBy']>

/** Longer than a server's restart, and than a tunnel, lift or login page takes. */
const CUT_OFF_MS = 10 * 60_000
const HOSTS_BYTES = 1_048_576

export interface CutOff {
  seconds: number
  by: CutOffBy
  isOver: boolean
}

export interface CutOffWatch {
  /** What the agent's collectors have seen. */
  see(observation: Observation): void
  take(status: Readonly<Pick<UplinkStatus, 'connected' | 'throttled' | 'failure'>>): CutOff | null
}

/** `program`: the agent's own, whose attempts to connect prove nothing. */
export function cutOffWatch(awake: () => number, program: string): CutOffWatch {
  let since = awake()
  let isOnline = false
  let reported: CutOffBy | null = null
  return { see, take }

  function see(it: Observation): void {
    if (it.category !== 'network_connection' || !it.Initiated) return
    if (it.Image !== null && it.Image !== program && isPublic(it.DestinationIp)) isOnline = true
  }

  function take({ connected, throttled, failure }: Parameters<CutOffWatch['take']>[0]): CutOff | null {
    const seconds = Math.round((awake() - since) / 1_000)
    if (connected || throttled) {
      const found = reported === null ? null : { seconds, by: reported, isOver: true }
      since = awake()
      isOnline = false
      reported = null
      return found
    }
    if (reported !== null || !isOnline || awake() - since < CUT_OFF_MS) return null
    reported = causeOf(failure)
    return { seconds, by: reported, isOver: false }
  }
}

function causeOf(failure: string | null): CutOffBy {
  if (failure === 'ECONNREFUSED') return 'refused'
  if (failure === 'ETIMEDOUT' || failure === 'silent') return 'timeout'
  if (failure === 'ENOTFOUND' || failure === 'EAI_AGAIN') return 'unresolved'
  if (failure === 'agent.server' || /CERT|SIGNATURE|ALTNAME/.test(failure ?? '')) return 'other_server'
  return 'other'
}

/** The addresses that a hosts file has for a name; '' for none. Source  hosts(5). */
export function addressesInHosts(text: string, name: string): string {
  const wanted = name.toLowerCase()
  const found = text.split('\n').flatMap((line) => {
    const [address, ...names] = line.replace(/#.*/, '').trim().toLowerCase().split(/\s+/)
    return address && names.includes(wanted) ? [address] : []
  })
  return found.sort().join(' ')
}

/** `reached`: the addresses of the hosts file when the server was reached; null: it was not in this run. */
export async function namedElsewhere(
  name: string,
  addresses: string,
  reached: string | null,
): Promise<'hosts_file' | 'loopback' | null> {
  if (isIP(name) !== 0 || name === 'localhost') return null
  if (addresses !== '' && (addresses.split(' ').every(isOwn) || (reached !== null && addresses !== reached)))
    return 'hosts_file'
  const resolved = await lookup(name, { all: true }).catch(() => [])
  return resolved.length > 0 && resolved.every((it) => isOwn(it.address)) ? 'loopback' : null
}

export async function readHosts(host: Host, product: string, name: string): Promise<string> {
  const path = product === 'windows' ? 'C:\\Windows\\System32\\drivers\\etc\\hosts' : '/etc/hosts'
  return addressesInHosts(await host.readText(path, HOSTS_BYTES).catch(() => ''), name)
}

/** Loopback, or no address at all. */
function isOwn(address: string): boolean {
  return /^(127\.|0\.0\.0\.0$|::1?$)/.test(address)
}

const NOT_PUBLIC = new BlockList()
for (const [net, prefix] of [
  ...(['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12'] as const),
  ...(['192.168.0.0/16', '224.0.0.0/3'] as const),
].map((it) => it.split('/') as [string, string]))
  NOT_PUBLIC.addSubnet(net, Number(prefix), 'ipv4')
for (const [net, prefix] of [
  ['::', 96],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const)
  NOT_PUBLIC.addSubnet(net, prefix, 'ipv6')

function isPublic(address: string): boolean {
  const version = isIP(address)
  return version !== 0 && !NOT_PUBLIC.check(address, version === 4 ? 'ipv4' : 'ipv6')
}
