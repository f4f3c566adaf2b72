/** A cluster in words: what is shared, with whom, and a link to its page. */
import type { Cluster } from '../../model/assessment.ts'
import { to } from '../route.ts'
import { plain } from './text.tsx'
import './cluster.css'

/** By kind of key: with its article, and a short form for column headers. */
const KINDS: Readonly<Record<string, { one: string; short: string }>> = {
  uplink: { one: 'an uplink', short: 'Uplink' },
  gateway: { one: 'a gateway', short: 'Gateway' },
  bssid: { one: 'a Wi-Fi', short: 'Wi-Fi' },
  controller: { one: 'a remote controller', short: 'Controller' },
  mfa_device: { one: 'a sign-in device', short: 'Sign-in' },
  login_address: { one: 'an address of logins', short: 'Logins' },
  edid: { one: 'a monitor', short: 'Monitor' },
  usb_serial: { one: 'a USB device', short: 'USB' },
}

export const oneOf = (kind: string) => KINDS[kind]?.one ?? plain(kind, 40)
export const shortOf = (kind: string) => KINDS[kind]?.short ?? plain(kind, 10)
/** Enough of a hash to distinguish two. */
export const brief = (key: string) => plain(key.slice(0, 8), 8)

/** 'an uplink, a gateway': each kind once, strongest first. */
export function kindsIn(keys: Cluster['keys']): string {
  return listed([...new Set(keys.map((it) => oneOf(it.kind)))], 7)
}

export function ClusterNote({ worker, cluster }: { worker: string; cluster: Cluster }) {
  const theirs = cluster.keys.filter((it) => it.workers.includes(worker))
  const others = [...new Set(theirs.flatMap((it) => it.workers))].filter((it) => it !== worker)
  return (
    <p class="notice notice-warn cluster-note">
      Shares {kindsIn(theirs)} with{' '}
      <bdi>
        {listed(
          others.map((it) => plain(it, 40)),
          4,
        )}
      </bdi>{' '}
      <a href={to('clusters', cluster.key)}>→ cluster of {cluster.workers.length}</a>
    </p>
  )
}

/** `people` null: not known yet. */
export function clusterWords(people: number | null): string {
  return people === null ? 'cluster' : `cluster of ${people}`
}

export function ClusterTag({ clusterKey, people }: { clusterKey: string; people: number | null }) {
  return (
    <a
      class="cluster-tag"
      href={to('clusters', clusterKey)}
      tabIndex={-1}
      title="Shares what unrelated people do not share. Open the cluster"
      onClick={(event) => event.stopPropagation()}
    >
      {clusterWords(people)}
    </a>
  )
}

function listed(words: readonly string[], most: number): string {
  const more = words.length - most
  return more > 0 ? `${words.slice(0, most).join(', ')} and ${more} more` : words.join(', ')
}
