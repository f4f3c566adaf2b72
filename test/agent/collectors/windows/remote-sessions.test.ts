import assert from 'node:assert/strict'
import { remoteSessions } from '../../../../agent/collectors/windows/remote-sessions.ts'
import type { RegistryKey, Windows } from '../../../../agent/host/windows/calls.ts'
import { fakeHost, policy, START, watchPolls } from '../../fake-host.ts'
import { ANYDESK, iso } from '../../fixtures/remote-logs.ts'

const SID = 'S-1-5-21-1-2-3-1001'
const home = { text: 'C:\\Users\\ann', number: null, data: Buffer.alloc(0) }
const windows = {
  registry: {
    subkeys: () => [SID],
    values: ({ path }: RegistryKey) => new Map(path.endsWith(SID) ? [['ProfileImagePath', home]] : []),
  },
} as unknown as Windows

async function told(paths: Record<string, string>): Promise<string[]> {
  const [found = []] = await watchPolls(remoteSessions(windows), fakeHost(paths), [], policy, 'windows')
  return found.map((it) => {
    if (it.category === 'collection_gap') return `${it.About} ${it.Reason}`
    if (it.category !== 'remote_session') return it.category
    return `${it.Tool} ${it.Direction} ${it.PeerIp} ${it.StartedAt - START}`
  })
}
const rustdesk = (ms: number, text: string) =>
  `[${iso(ms).replace('T', ' ').replace('Z', '')} +00:00] DEBUG [src/server/connection.rs:9] #1 ${text}\n`

describe('agent/collectors/windows/remote-sessions', () => {
  const began = -600_000
  const rows: [name: string, path: string, log: string, found: string][] = [
    ['AnyDesk, as a service', 'C:/ProgramData/AnyDesk/ad_svc.trace', ANYDESK(began), 'AnyDesk incoming 77.232.122.31'],
    [
      'AnyDesk, customised',
      'C:/Users/ann/AppData/Roaming/AnyDesk/ad_0a1b/ad.trace',
      ANYDESK(began),
      'AnyDesk incoming 77.232.122.31',
    ],
    [
      'RustDesk, as a service',
      'C:/Windows/ServiceProfiles/LocalService/AppData/Roaming/RustDesk/log/server/RustDesk_rCURRENT.log',
      rustdesk(began, 'Connection opened from 203.0.113.9:5000.'),
      'RustDesk incoming 203.0.113.9',
    ],
    [
      'TeamViewer',
      'C:/Program Files (x86)/TeamViewer/Connections_incoming.txt',
      '514162531\tSomebody\t02-11-2026 08:50:00\t02-11-2026 08:55:00\tann\tRemoteControl\t{1}\n',
      'TeamViewer incoming null',
    ],
  ]
  for (const [name, path, log, found] of rows)
    it(name, async () => assert.deepEqual(await told({ [path]: log }), [`${found} ${began}`]))

  it('what is installed and keeps no log that is read here is a gap', async () => {
    const found = await told({
      'C:/Program Files (x86)/ScreenConnect Client (0123456789abcdef)/a.dll': '',
      'C:/Program Files (x86)/Google/Chrome Remote Desktop/a.dll': '',
    })
    assert.deepEqual(found.sort(), ['Chrome Remote Desktop unsupported', 'ScreenConnect unsupported'])
  })
})
