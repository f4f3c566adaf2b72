/** The recordings of remote-control tools' logs in ../shared/cases/remote-logs, read as the running collector does. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { remoteSessions } from '../agent/collectors/linux/remote-sessions.ts'
import { fakeHost, START, watchPolls } from './agent/fake-host.ts'
import { notTested } from './not-tested.ts'

const CASES = join(import.meta.dirname, '../../shared/cases/remote-logs')
const NOW = Date.UTC(2026, 10, 30)
const PASSWD = 'ann:x:1000:1000::/home/ann:/bin/sh\n'

/** Times as `date` writes them, without the year; those with an L are in local time, because the log's are. */
type Session = [from: string | null, peer: string | null, start: string, end: string | null, unattended: boolean | null]
const recordings: [name: string, at: string, tool: string, sessions: Session[]][] = [
  [
    'anydesk-2022-win-ad.trace',
    '/home/ann/.anydesk/ad.trace',
    'AnyDesk',
    [[null, '602780917', '11-29T01:38:27.181Z', '11-29T02:25:14.750Z', false]],
  ],
  [
    'anydesk-password.trace',
    '/var/log/anydesk.trace',
    'AnyDesk',
    [['198.51.100.31', '442226597', '11-29T03:00:00.500Z', '11-29T03:40:05.500Z', true]],
  ],
  [
    'anydesk-unattended-profile.trace',
    '/var/log/anydesk.trace',
    'AnyDesk',
    [['198.51.100.31', '442226597', '11-29T04:00:00.500Z', '11-29T04:40:05.500Z', true]],
  ],
  [
    'crd-syslog.log',
    '/var/log/syslog',
    'Chrome Remote Desktop',
    [
      ['198.51.100.9', 'someone@example.com', '11-29T10:00:01L', '11-29T11:00:02L', null],
      [null, 'someone@example.com', '11-29T12:00:01.123+09:00', null, null],
      [null, 'other@example.com', '11-29T12:00:01.123+09:00', null, null],
    ],
  ],
  [
    'rustdesk-linux.log',
    '/home/ann/.local/share/logs/RustDesk/server/rustdesk_rCURRENT.log',
    'RustDesk',
    // The first is an attempt of a second.
    [['198.51.100.8', null, '11-29T13:05:08.350-04:00', '11-29T14:05:08.350-04:00', null]],
  ],
  [
    'splashtop-SPLog.txt',
    '/opt/splashtop-streamer/log/SPLog.txt',
    'Splashtop',
    [['198.51.100.134', null, '11-29T15:15:38L', null, null]],
  ],
  [
    'sshd.log',
    '/var/log/auth.log',
    'sshd',
    [
      ['2001:db8::5', null, '11-29T10:00:01L', '11-29T10:10:01L', null],
      ['198.51.100.7', null, '11-29T12:00:01.123+02:00', null, null],
      ['198.51.100.7', null, '11-29T10:20:01L', null, null],
    ],
  ],
  [
    'teamviewer-Connections_incoming.txt',
    '/var/log/teamviewer15/Connections_incoming.txt',
    'TeamViewer',
    [
      [null, '1031857653', '11-29T14:44:03Z', '11-29T15:27:53Z', null],
      [null, '514162531', '11-29T09:58:25Z', '11-29T10:14:27Z', null],
      [null, '514162532', '11-29T09:58:25Z', null, null],
    ],
  ],
  // Two versions of xrdp, whose sessions begin in the same second where local time is UTC.
  [
    'xrdp-sesman.log:1-2',
    '/var/log/xrdp-sesman.log',
    'xrdp',
    [['192.0.2.1', null, '11-29T11:13:22L', '11-29T11:14:22L', null]],
  ],
  [
    'xrdp-sesman.log:3-4',
    '/var/log/xrdp-sesman.log',
    'xrdp',
    // Where it came from is said after it, in this recording.
    [[null, null, '11-29T12:13:22.123+01:00', null, null]],
  ],
]

describe('the recordings of remote-control tools in the shared cases', () => {
  before(function () {
    if (!existsSync(CASES)) notTested(this, '../shared/cases/remote-logs is missing', 'skip')
  })

  for (const [name, path, tool, sessions] of recordings)
    it(`${name}: every session with its start, end, peer and whether anybody was there`, async () => {
      const host = fakeHost({
        '/etc/passwd': PASSWD,
        '/var/log/wtmp': '',
        '/opt/google/chrome-remote-desktop/x': '',
        '/var/log/messages': '',
        [path]: textOf(name),
      })
      host.setClock(NOW - START)
      const found = (await watchPolls(remoteSessions, host)).flat()
      const inOrder = (all: unknown[][]) => all.map((it) => JSON.stringify(it)).sort()
      assert.deepEqual(
        inOrder(
          found.map((it) => {
            if (it.category !== 'remote_session') return [it]
            return [it.Tool, it.Direction, it.PeerIp, it.PeerIdHash, it.StartedAt, it.EndedAt, it.Unattended]
          }),
        ),
        inOrder(
          sessions.map(([ip, peer, start, end, unattended]) => [
            ...[tool, 'incoming', ip, peer === null ? null : host.hmac(`${tool} ${peer}`)],
            ...[moment(start), end === null ? null : moment(end), unattended],
          ]),
        ),
      )
    })
})

/** 'xrdp-sesman.log:3-4': two of its lines. */
function textOf(name: string): string {
  const [file = '', lines] = name.split(':')
  const [from = 1, to = Number.POSITIVE_INFINITY] = lines?.split('-').map(Number) ?? []
  return readFileSync(join(CASES, file), 'utf8')
    .split(/(?<=\n)/)
    .slice(from - 1, to)
    .join('')
}

/** '11-29T10:00:01L' is in local time, as Date.parse takes a time without a zone. */
function moment(text: string): number {
  return Date.parse(`2026-${text.replace(/L$/, '')}`)
}
