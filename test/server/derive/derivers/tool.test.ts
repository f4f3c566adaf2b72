/** Sightings of tools, in days of one laptop, with the clock in the rows. */
import assert from 'node:assert/strict'
import type { EventOf } from '../../../../wire/event.ts'
import type { Recorded } from '../../../../wire/recording.ts'
import {
  approval,
  contract,
  DAY,
  event,
  type FoundTool,
  HOUR,
  holding,
  NINJAONE,
  processStart,
  received,
  T0,
} from '../../events.ts'
import { sameInAnyOrder, standing } from '../standing.ts'

const anydesk: FoundTool = { ...NINJAONE, id: 'anydesk', name: 'AnyDesk', category: 'remote-desktop' }
const rustdesk: FoundTool = { ...anydesk, id: 'rustdesk', name: 'RustDesk' }
const mullvad: FoundTool = { ...anydesk, id: 'mullvad', name: 'Mullvad', category: 'consumer-vpn' }
const screenconnect: FoundTool = { ...anydesk, id: 'screenconnect', name: 'ScreenConnect', category: 'rmm-agent' }
const home = [contract('w1'), holding('d1', 'w1')]
const MINUTE = 60_000

function seen(tool: FoundTool, time: number, fields: Partial<EventOf<'process_creation'>> = {}): Recorded {
  return { ...received('d1', processStart('/usr/bin/x', time, fields)), facts: { tools: [tool] } }
}
function software(
  action: EventOf<'software'>['Action'],
  tool: FoundTool,
  time: number,
  fields: Partial<EventOf<'software'>> = {},
): Recorded {
  const it = event(
    'software',
    {
      Action: action,
      Name: tool.id,
      Version: '1',
      Publisher: `${tool.name} Ltd`,
      Kind: 'package',
      Identifier: null,
      InstalledAt: null,
      ...fields,
    },
    time,
  )
  return { ...received('d1', it), facts: { tools: [{ ...tool, by: 'package' }] } }
}
function logon(user: string, time: number): Recorded {
  return received('d1', event('logon', { User: user, LogonType: 'console', SourceIp: null, Action: 'logon' }, time))
}

describe('tool', () => {
  const cases: { name: string; known?: Recorded[]; records: Recorded[]; tools: unknown[] }[] = [
    { name: 'one tool, one event', records: [seen(anydesk, T0)], tools: [['anydesk', 1, false]] },
    {
      name: 'the same tool again the same day is not news, the next day it is',
      records: [seen(anydesk, T0), seen(anydesk, T0 + HOUR), seen(anydesk, T0 + DAY)],
      tools: [
        ['anydesk', 1, false],
        ['anydesk', 1, false],
      ],
    },
    {
      name: 'unattended is news',
      records: [seen(anydesk, T0), seen({ ...anydesk, unattended: true }, T0 + HOUR)],
      tools: [
        ['anydesk', 1, false],
        ['anydesk', 1, false],
      ],
    },
    {
      name: 'a second vendor within 30 days counts',
      records: [seen(anydesk, T0), seen(rustdesk, T0 + 29 * DAY)],
      tools: [
        ['anydesk', 1, false],
        ['rustdesk', 2, false],
      ],
    },
    {
      name: 'a second vendor after 30 days does not',
      records: [seen(anydesk, T0), seen(rustdesk, T0 + 30 * DAY)],
      tools: [
        ['anydesk', 1, false],
        ['rustdesk', 1, false],
      ],
    },
    {
      name: 'a VPN client is no remote-control vendor',
      records: [seen(anydesk, T0), seen(mullvad, T0 + HOUR)],
      tools: [
        ['anydesk', 1, false],
        ['mullvad', 1, false],
      ],
    },
    {
      name: 'approved by name, without regard to case',
      known: [contract('w1', { approvedTools: [{ tool: 'ANYDESK' }] }), holding('d1', 'w1')],
      records: [seen(anydesk, T0)],
      tools: [['anydesk', 1, true]],
    },
    {
      name: 'an approval that has lapsed excuses nothing',
      known: [contract('w1', { approvedTools: [{ tool: 'AnyDesk', to: T0 }] }), holding('d1', 'w1')],
      records: [seen(anydesk, T0)],
      tools: [['anydesk', 1, false]],
    },
    {
      name: 'a conflicting event is no sighting',
      records: [{ ...seen(anydesk, T0), conflict: true } as Recorded],
      tools: [],
    },
    { name: 'a removal is no sighting', records: [software('removed', anydesk, T0)], tools: [] },
    {
      name: "a tool called 'constructor' is a tool",
      records: [seen({ ...anydesk, id: 'constructor' }, T0)],
      tools: [['constructor', 1, false]],
    },
  ]
  for (const { name, known = home, records, tools } of cases)
    it(name, () =>
      assert.deepEqual(
        standing('tool', [...known, ...records]).map((it) => [it.ToolId, it.VendorsLast30d, it.Approved]),
        tools,
      ),
    )

  it('distinguishes tools that were there at the first look from new ones', () =>
    assert.deepEqual(
      standing('tool', [...home, seen(anydesk, T0, { StartedBeforeAgent: true }), seen(anydesk, T0 + HOUR)]).map(
        (it) => it.Baseline,
      ),
      [true, false],
    ))

  it('counts days from the first boot and from the start of the contract', () => {
    const start = T0 - 36 * HOUR
    const [found] = standing('tool', [
      contract('w1', { start }),
      holding('d1', 'w1', { firstBoot: T0 - 12 * HOUR }),
      seen(anydesk, T0),
    ])
    assert.deepEqual([found?.DaysSinceFirstBoot, found?.DaysSinceStart], [0.5, 1.5])
  })

  it('counts vendors within the configured days', () =>
    assert.deepEqual(
      standing('tool', [...home, seen(anydesk, T0), seen(rustdesk, T0 + 8 * DAY)], {
        thresholds: { tool: { vendorDays: 7 } },
      }).map((it) => it.VendorsLast30d),
      [1, 1],
    ))

  it('costs one note a day however often a tool is seen', () => {
    const often = Array.from({ length: 3_000 }, (_, nth) => seen(anydesk, T0 + nth))
    assert.equal(standing('tool', [...home, ...often, seen(rustdesk, T0 - HOUR)]).length, 2)
  })
})

describe('tool: the tenant of an approved tool', () => {
  const ours = (tenant: string | null) => [
    contract('w1', { approvedTools: [{ tool: 'ScreenConnect', tenant }] }),
    holding('d1', 'w1'),
  ]
  const host = (name: string): Recorded => ({
    ...received(
      'd1',
      event(
        'network_connection',
        {
          Image: null,
          Protocol: 'tcp',
          Initiated: true,
          SourceIp: '192.0.2.4',
          SourcePort: 40_000,
          DestinationIp: '203.0.113.3',
          DestinationPort: 443,
          DestinationHostname: name,
        },
        T0,
      ),
    ),
    facts: { tools: [{ ...screenconnect, by: 'domain' }] },
  })
  const command = (line: string) => seen(screenconnect, T0, { CommandLine: line })
  const cases: { name: string; tenant: string | null; record: Recorded; approved: boolean }[] = [
    { name: 'no tenant in the entry', tenant: null, record: host('evil.screenconnect.com'), approved: true },
    { name: 'our host', tenant: 'acme', record: host('ACME.screenconnect.com'), approved: true },
    { name: "another's host", tenant: 'acme', record: host('evil.screenconnect.com'), approved: false },
    { name: 'ours is only part of it', tenant: 'acme', record: host('acme-x.screenconnect.com'), approved: false },
    { name: 'our relay', tenant: 'a1b2', record: host('instance-a1b2-relay.screenconnect.com'), approved: true },
    { name: 'no tenant to be seen', tenant: 'acme', record: command('/opt/sc/client'), approved: true },
    {
      name: 'another relay on the command line',
      tenant: 'acme',
      record: command('client ?e=Access&h=evil.example&p=443'),
      approved: false,
    },
    { name: 'our tenant on it', tenant: 'acme', record: command('client --tenant acme'), approved: true },
  ]
  for (const { name, tenant, record, approved } of cases)
    it(name, () =>
      assert.deepEqual(
        standing('tool', [...ours(tenant), record]).map((it) => it.Approved),
        [approved],
      ),
    )

  it("another's tenant later the same day is news", () =>
    assert.deepEqual(
      standing('tool', [
        ...ours('acme'),
        command('client --tenant acme'),
        seen(screenconnect, T0 + HOUR, { CommandLine: 'client --tenant evil' }),
      ]).map((it) => it.Approved),
      [true, false],
    ))
})

describe('tool: back after its removal', () => {
  const removed = (tool = anydesk, time = T0 + DAY, publisher = `${tool.name} Ltd`) =>
    software('removed', tool, time, { Publisher: publisher })
  const returns = (records: Recorded[]) =>
    standing('tool', [...home, ...records]).flatMap((it) =>
      it.DaysSinceRemoval === null ? [] : [[it.ToolId, it.DaysSinceRemoval]],
    )
  const cases: { name: string; records: Recorded[]; found: unknown[] }[] = [
    {
      name: 'the same tool, a day later',
      records: [seen(anydesk, T0), removed(), seen(anydesk, T0 + 2 * DAY)],
      found: [['anydesk', 1]],
    },
    {
      name: 'another tool that was never there',
      records: [seen(anydesk, T0), removed(), seen(rustdesk, T0 + 3 * DAY)],
      found: [['rustdesk', 2]],
    },
    {
      name: 'installed again the same day',
      records: [seen(anydesk, T0), removed(anydesk, T0 + HOUR), software('installed', anydesk, T0 + 4 * HOUR)],
      found: [['anydesk', 0.125]],
    },
    {
      name: 'after more than a week it is no return',
      records: [seen(anydesk, T0), removed(), seen(anydesk, T0 + 9 * DAY)],
      found: [],
    },
    {
      name: 'another tool that had been there all along',
      records: [seen(anydesk, T0), seen(rustdesk, T0), removed(), seen(rustdesk, T0 + 2 * DAY)],
      found: [],
    },
    {
      name: 'another tool that was there when the agent first looked',
      records: [removed(), software('present', rustdesk, T0 + 2 * DAY)],
      found: [],
    },
    {
      name: 'an update: removed and installed within the hour, by the same publisher',
      records: [
        seen(anydesk, T0),
        removed(),
        software('installed', anydesk, T0 + DAY + 5 * MINUTE),
        seen(anydesk, T0 + 2 * DAY),
      ],
      found: [],
    },
    {
      name: 'an update that the package manager reported at one time',
      records: [software('installed', anydesk, T0 + DAY), removed(), seen(anydesk, T0 + 2 * DAY)],
      found: [],
    },
    {
      name: 'an update in which the new one came first',
      records: [software('installed', anydesk, T0 + DAY - 5 * MINUTE), removed(), seen(anydesk, T0 + 2 * DAY)],
      found: [],
    },
    {
      name: 'by another publisher it is no update',
      records: [
        seen(anydesk, T0),
        removed(),
        software('installed', anydesk, T0 + DAY + 6 * MINUTE, { Publisher: 'x' }),
      ],
      found: [['anydesk', 6 / (24 * 60)]],
    },
    {
      name: 'what runs on for some minutes has not come back',
      records: [seen(anydesk, T0), removed(), seen({ ...anydesk, by: 'domain' }, T0 + DAY + MINUTE)],
      found: [],
    },
    {
      name: 'a service that goes is no removal',
      records: [software('removed', anydesk, T0, { Kind: 'service' }), seen(rustdesk, T0 + HOUR)],
      found: [],
    },
    {
      name: 'a VPN client that goes is none',
      records: [software('removed', mullvad, T0), seen(mullvad, T0 + DAY)],
      found: [],
    },
  ]
  for (const { name, records, found } of cases) it(name, () => assert.deepEqual(returns(records), found))
})

describe('tool: brought by the fleet, not by somebody (N3)', () => {
  const known = [contract('w1'), holding('d1', 'w1', { firstBoot: T0 - 10 * MINUTE })]
  const byMdm = { ParentImage: '/usr/local/bin/jamf', User: 'root' }
  const byApt = { ParentImage: '/usr/bin/dpkg', User: 'root' }
  const cases: { name: string; known?: Recorded[]; records: Recorded[]; found: boolean[] }[] = [
    { name: 'by the management agent, before anybody logged on', records: [seen(anydesk, T0, byMdm)], found: [true] },
    { name: 'by the package manager, as root', records: [seen(anydesk, T0, byApt)], found: [true] },
    {
      name: "by the company's own installer, which it approves",
      known: [...known, approval({ kind: 'management', program: 'Acme-Agent.exe' })],
      records: [seen(anydesk, T0, { ...byMdm, ParentImage: '/opt/acme/acme-agent' })],
      found: [true],
    },
    {
      name: 'by a package manager on macOS',
      records: [
        {
          ...received('d1', {
            ...processStart('/Applications/x', T0, { ParentImage: '/usr/bin/dpkg', User: 'root' }),
            product: 'macos',
          }),
          facts: { tools: [anydesk] },
        },
      ],
      found: [true],
    },
    {
      name: 'after somebody logged on',
      records: [logon('dev', T0 - MINUTE), seen(anydesk, T0, byApt)],
      found: [false],
    },
    {
      name: 'the login screen is not a person',
      records: [logon('gdm', T0 - MINUTE), seen(anydesk, T0, byApt)],
      found: [true],
    },
    {
      name: 'by somebody, in the same minute',
      records: [seen(anydesk, T0, { ...byApt, User: 'dev' })],
      found: [false],
    },
    {
      name: 'by root, but no management',
      records: [seen(anydesk, T0, { ...byApt, ParentImage: '/bin/sh' })],
      found: [false],
    },
    {
      name: 'on a laptop that has long been in use',
      known: home,
      records: [seen(anydesk, T0, byMdm)],
      found: [false],
    },
    {
      name: 'what the tool then does is part of it; what somebody runs is not',
      records: [
        seen(anydesk, T0, byMdm),
        software('present', anydesk, T0 + MINUTE),
        logon('dev', T0 + HOUR),
        seen(anydesk, T0 + 2 * HOUR, { User: 'dev' }),
      ],
      found: [true, true, false],
    },
  ]
  for (const { name, known: before = known, records, found } of cases)
    it(name, () =>
      assert.deepEqual(
        standing('tool', [...before, ...records]).map((it) => it.ByProvisioning),
        found,
      ),
    )
})

describe('tool in any order', () => {
  it('three weeks of one laptop', () => {
    const known = [
      contract('w1', { approvedTools: [{ tool: 'RustDesk', tenant: 'acme' }] }),
      holding('d1', 'w1', { firstBoot: T0 }),
    ]
    const found = sameInAnyOrder('tool', known, [
      seen(screenconnect, T0 + MINUTE, { ParentImage: '/usr/local/bin/jamf', User: 'root' }),
      logon('dev', T0 + HOUR),
      logon('dev', T0 + 2 * HOUR),
      seen(anydesk, T0 + 3 * HOUR),
      seen(anydesk, T0 + 4 * HOUR),
      seen({ ...anydesk, unattended: true }, T0 + 5 * HOUR),
      seen(rustdesk, T0 + DAY, { CommandLine: 'rustdesk --server evil' }),
      seen(rustdesk, T0 + DAY + HOUR, { CommandLine: 'rustdesk --server acme' }),
      software('removed', anydesk, T0 + 2 * DAY),
      software('installed', anydesk, T0 + 2 * DAY + HOUR / 2),
      software('removed', anydesk, T0 + 4 * DAY),
      seen(anydesk, T0 + 4 * DAY + HOUR / 2),
      seen(anydesk, T0 + 4 * DAY + 3 * HOUR),
      seen(anydesk, T0 + 6 * DAY),
      seen(rustdesk, T0 + 12 * DAY),
      seen(mullvad, T0 + 12 * DAY),
      seen(anydesk, T0 + 20 * DAY),
    ])
    assert.ok(found.some((it) => it.DaysSinceRemoval !== null) && found.some((it) => it.ByProvisioning))
  })
})
