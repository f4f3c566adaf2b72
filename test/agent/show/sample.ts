/** A laptop to show: what the agent of `POLICY` reports, with hostile names among the events sent last. */
import type { Config } from '../../../agent/config.ts'
import { dayOf, type ShowSources } from '../../../agent/show/report.ts'
import type { Status } from '../../../agent/status.ts'
import type { Policy } from '../../../wire/messages.ts'
import { NOW as MIDNIGHT } from '../laptop.ts'
import { POLICY } from '../server.ts'

/** In the middle of a day, wherever the tests run. */
export const NOW = MIDNIGHT + 12 * 3_600_000
export const CONFIG: Config = { url: 'https://tellwire.example/', serverKey: 'k', device: 'd-1', ca: null }
export const HOSTILE = '<img src=x onerror=alert(1)>"\'&\u001b[31m\u202eko'

export const STATUS: Omit<Status, 'at'> = {
  ...{ version: '0.1.0', server: CONFIG.url, device: CONFIG.device, startedAt: NOW, connected: true },
  ...{ connectedAt: NOW - 3_600_000, trouble: null, nextTryAt: null, lastAckAt: NOW - 5_000 },
  ...{ policyVersion: 7, policyTrouble: null, rejected: {}, gaps: [], wireBytes: 10, page: null },
  spool: { bytes: 0, keptBytes: 0, unsent: 3, acked: 9, last: 12, trouble: null, dropped: {} },
  sent: null,
}

export const GROUP_POLICY: Policy = {
  ...POLICY,
  ...{ version: 7, group: 'designers', contact: 'Works council, floor 2 <rat@example.org>' },
  ...{ off: ['egress'], slower: { software: 4 }, watchedRoots: [{ path: '~/Projects', kind: 'source' }] },
}

const event = (category: string, fields: object, ageMs = 60_000) => ({
  ...{ id: 'x', seq: 1, time: NOW - ageMs, product: 'linux', collector: 'test', category, ...fields },
})
export const SENT: Record<string, unknown>[] = [
  event('usb_device', { VendorId: '534d', ProductId: '2109', ProductName: HOSTILE, Serial: null }),
  event('process_creation', {
    ...{ Image: '/usr/bin/git', CommandLine: 'git -C /home/ann/work pull', User: 'ann' },
  }),
  event('process_creation', { Image: '/usr/bin/vim', CommandLine: 'vim /home/bob/secret.txt', User: 'bob' }, 120_000),
  event('software', { Action: 'installed', Name: 'AnyDesk', Version: '6.3', Kind: 'package' }, 90_000_000),
]

export function sources(change: Partial<ShowSources> = {}): ShowSources {
  return {
    ...{ config: CONFIG, policy: GROUP_POLICY, isRunning: true, sent: SENT, product: 'linux', now: NOW },
    status: {
      ...STATUS,
      sent: { day: dayOf(NOW), since: NOW - 7_200_000, counts: { process_creation: 1_284, usb_device: 2 } },
    },
    ...change,
  }
}

export const ROOT = { asker: { name: null, isRoot: true }, people: [] }
