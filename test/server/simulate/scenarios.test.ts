import assert from 'node:assert/strict'
import { SCENARIOS } from '../../../server/simulate/scenarios/index.ts'
import type { Scenario } from '../../../server/simulate/scene.ts'
import { simulate } from '../../../server/simulate/simulate.ts'
import { CATEGORIES, type Category, type EventOf } from '../../../wire/event.ts'
import { Recorded, type RecordedOf } from '../../../wire/recording.ts'

const START = Date.UTC(2026, 8, 14)
const HOUR = 3_600_000
const DAY = 24 * HOUR
const SEEDS = [1, 2, 3]
const INFILTRATIONS = Array.from({ length: 26 }, (_, nth) => `P${nth + 1}`)

/** All records of one run of one scene, with only the people of the scene in it. */
interface Seen {
  /** The times of all events of laptops, in order. */
  times: number[]
  events: RecordedOf<'event'>[]
  sessions: RecordedOf<'connection'>[]
  feeds: RecordedOf<'feed'>[]
  contracts: RecordedOf<'contract'>[]
  labels: RecordedOf<'label'>[]
}

/** The time of a piece of evidence. */
interface At {
  time: number
}

function of<C extends Category>(seen: Seen, category: C): (EventOf<C> & { device: string })[] {
  return seen.events.flatMap(({ device, event }) =>
    event.category === category ? [{ ...(event as EventOf<C>), device }] : [],
  )
}
function fed<C extends 'idp_login' | 'repo_audit' | 'contract_event'>(seen: Seen, category: C) {
  return seen.feeds.flatMap(({ worker, geo, event }) =>
    event.category === category ? [{ ...(event as EventOf<C>), at: worker, geo }] : [],
  )
}

const text = (it: { Image: string | null; CommandLine: string | null }) => `${it.Image} ${it.CommandLine}`
const runs = (seen: Seen, what: RegExp) => of(seen, 'process_creation').filter((it) => what.test(text(it)))
const inbound = (seen: Seen) => of(seen, 'remote_session').filter((it) => it.Direction === 'incoming')
const abroad = (seen: Seen) => {
  const claimed = new Map(seen.contracts.map((it) => [it.worker, it.country]))
  return seen.sessions.filter((it) => it.geo?.country !== claimed.get(`w${it.device.slice(1)}`))
}
const peers = (seen: Seen) => seen.events.filter((it) => it.event.category === 'remote_session' && it.facts?.peer)
const peersFrom = (seen: Seen, country: RegExp): At[] =>
  peers(seen).flatMap((it) => (country.test(it.facts?.peer?.country ?? '') ? [it.event] : []))
const FAR = /^(CN|RU|LA|VN|AE)$/
const farSessions = (seen: Seen) =>
  new Set(
    peers(seen).flatMap(({ event, facts }) =>
      event.category === 'remote_session' && FAR.test(facts?.peer?.country ?? '') ? [event.StartedAt] : [],
    ),
  ).size

/** Hours of remote control by device and UTC date, from the events with a duration. */
function controlledHours(seen: Seen): number[] {
  const days = new Map<string, number>()
  for (const it of inbound(seen)) {
    if (it.EndedAt === null) continue
    const key = `${it.device} ${Math.floor(it.StartedAt / DAY)}`
    days.set(key, (days.get(key) ?? 0) + (it.EndedAt - it.StartedAt) / HOUR)
  }
  return [...days.values()]
}

/** The items of the day with the most of them. */
function busiest<T extends At>(list: readonly T[]): T[] {
  const days = Map.groupBy(list, (it) => Math.floor(it.time / DAY))
  return [...days.values()].sort((a, b) => b.length - a.length)[0] ?? []
}

/** Items whose key at least two devices or workers share. */
function shared<T>(list: readonly T[], key: (it: T) => string | null, owner: (it: T) => string | null): T[] {
  const owners = new Map<string, Set<string | null>>()
  for (const it of list) {
    const value = key(it)
    if (value !== null) owners.set(value, (owners.get(value) ?? new Set()).add(owner(it)))
  }
  return list.filter((it) => (owners.get(key(it) ?? '')?.size ?? 0) > 1)
}

const composite = (seen: Seen) =>
  of(seen, 'usb_device').filter((it) => it.HasKeyboard && it.HasAbsolutePointer && it.Action === 'attached')
/** A display that came with the first such device, within a minute. */
const twins = (seen: Seen) =>
  of(seen, 'display').filter((it) => composite(seen).some((usb) => Math.abs(usb.time - it.time) < 60_000))
const cadences = (seen: Seen) =>
  of(seen, 'input_pattern').filter((it) => it.CornerPinned || (it.ReturnedToOrigin && it.Events > 0))
const gone = (seen: Seen, hours: number): At[] =>
  seen.times.flatMap((time, nth) => (seen.times[nth + 1]! - time > hours * HOUR ? [{ time }] : []))
const slow = (seen: Seen) => seen.sessions.filter((it) => (it.rttMinMs ?? 0) > 110 && it.geo?.country === 'US')

/** The evidence that must be visible, by scene, or by variant if that differs. */
const EVIDENCE: Record<string, (seen: Seen) => readonly At[]> = {
  P1: (seen) => runs(seen, /set-password|--password|whoami/i),
  'P1/portable': (seen) =>
    of(seen, 'process_creation').filter((it) => /Downloads.(updater|printhelper|wifi)/.test(text(it))),
  'P1/relay': (seen) => of(seen, 'network_connection').filter((it) => /northlake/.test(it.DestinationHostname ?? '')),
  P2: (seen) => (of(seen, 'software').some((it) => it.Kind === 'browser_extension') ? runs(seen, /--pin=/) : []),
  P3: (seen) =>
    fed(seen, 'contract_event').some((it) => it.Action === 'ship_to_changed' && it.ToThirdParty) ? abroad(seen) : [],
  'P3/domestic': (seen) => fed(seen, 'contract_event').filter((it) => it.Action === 'ship_to_changed'),
  P4: (seen) =>
    shared(
      of(seen, 'network_place'),
      (it) => it.GatewayHash,
      (it) => it.device,
    ),
  'P4/kvm': (seen) => twins(seen),
  P5: (seen) =>
    new Set(seen.sessions.slice(-9).map((it) => it.remoteAddress)).size > 1
      ? shared(
          inbound(seen),
          (it) => it.PeerIdHash,
          (it) => it.device,
        )
      : [],
  'P5/monitor': (seen) =>
    shared(
      of(seen, 'display'),
      (it) => it.SerialText,
      (it) => it.device,
    ),
  P6: (seen) => (twins(seen).length > 0 ? cadences(seen) : []),
  'P6/quiet': (seen) =>
    cadences(seen).length === 0 && composite(seen).every((it) => !it.HasStorage) ? twins(seen) : [],
  P7: (seen) => (controlledHours(seen).filter((it) => it > 4).length > 5 ? inbound(seen) : []),
  'P7/meshcentral': (seen) => of(seen, 'autostart').filter((it) => /svcupdate/.test(it.Command ?? '')),
  'P7/short': (seen) =>
    inbound(seen).every((it) => (it.EndedAt ?? it.StartedAt) - it.StartedAt < 50 * 60_000) ? inbound(seen) : [],
  P8: (seen) => (farSessions(seen) === 2 ? peersFrom(seen, FAR) : []),
  'P8/once': (seen) => (farSessions(seen) === 1 ? peersFrom(seen, FAR) : []),
  'P8/vpn': (seen) => (peersFrom(seen, FAR).length === 0 ? inbound(seen) : []),
  'P8/residential': (seen) => (peers(seen).every((it) => it.facts?.peer?.class === 'residential') ? inbound(seen) : []),
  P9: (seen) => fed(seen, 'idp_login').filter((it) => it.ManagedDevice === false && FAR.test(it.geo?.country ?? '')),
  'P9/proxy': (seen) => fed(seen, 'idp_login').filter((it) => it.ManagedDevice === false && it.DeviceId === null),
  'P9/device': (seen) => fed(seen, 'idp_login').filter((it) => it.DeviceId !== null && FAR.test(it.geo?.country ?? '')),
  P10: (seen) => {
    const hours = of(seen, 'presence')
    const from = hours.findIndex((_, nth) => hours.slice(nth, nth + 100).every((it) => it.LongestIdleSeconds < 360))
    return from >= 0 && hours.length - from > 100 ? hours.slice(from) : []
  },
  P11: (seen) =>
    of(seen, 'archive_created').some((it) => it.Encrypted && it.Bytes > 4e8)
      ? busiest(of(seen, 'repository')).slice(15)
      : [],
  'P11/mirror': (seen) => of(seen, 'repository').filter((it) => it.Action === 'mirror' && it.Host === 'github.com'),
  'P11/browser': (seen) =>
    busiest(fed(seen, 'repo_audit')).length > 15
      ? fed(seen, 'repo_audit').filter((it) => it.Action === 'download')
      : [],
  'P11/clock': (seen) => of(seen, 'clock_place').filter((it) => (it.ClockJumpMs ?? 0) < -DAY),
  P12: (seen) => {
    const sync = of(seen, 'file_burst').filter((it) => it.RootKind === 'sync' && !/Company/.test(it.Root))
    return sync.length > 14 && sync.every((it) => it.Bytes < 4e8) ? sync : []
  },
  P13: (seen) => {
    const ended = fed(seen, 'contract_event').find((it) => it.Action === 'ended')?.time ?? 0
    const after = fed(seen, 'idp_login').filter((it) => it.time > ended)
    return after.length > 0 && after.every((it) => it.ManagedDevice === false) ? runs(seen, /\.ssh/) : []
  },
  P14: (seen) => {
    const removed = of(seen, 'software').find((it) => it.Action === 'removed')
    const back = of(seen, 'software').filter((it) => it.Action === 'installed' && it.time > (removed?.time ?? Infinity))
    return back.filter((it) => /desk|viewer|chrom/i.test(it.Name))
  },
  'P14/same': (seen) => runs(seen, /Downloads.notes/),
  'P14/kvm': (seen) => composite(seen),
  'P14/tunnel': (seen) => runs(seen, /tunnel --accept/),
  P15: (seen) => {
    const killed = of(seen, 'agent_state').filter((it) => it.Action === 'killed_last_time')
    const dark = fed(seen, 'repo_audit').filter((it) => it.OutsideTeam && !near(seen, it.time))
    return dark.length > 9 ? killed : []
  },
  'P15/firewall': (seen) => {
    const late = seen.events.filter(({ receivedAt, event }) => receivedAt - event.time > HOUR)
    return late.flatMap(({ event }) => (event.category === 'repository' ? [event] : []))
  },
  'P15/habit': (seen) => {
    const killed = of(seen, 'agent_state').filter((it) => it.Action === 'killed_last_time')
    return killed.length === 4 ? killed : []
  },
  'P15/restart': (seen) => {
    const dark = fed(seen, 'repo_audit').filter((it) => it.OutsideTeam && !near(seen, it.time))
    return of(seen, 'agent_state').some((it) => it.Action === 'stopping') ? dark : []
  },
  P16: (seen) => {
    const referrals = fed(seen, 'contract_event').filter((it) => it.Action === 'referral' && it.Relation !== null)
    return referrals.length === 2
      ? shared(
          inbound(seen),
          (it) => it.PeerIdHash,
          (it) => it.device,
        )
      : []
  },
  'P16/uplink': (seen) =>
    shared(
      of(seen, 'network_place'),
      (it) => it.GatewayHash,
      (it) => it.device,
    ),
  'P16/mfa': (seen) =>
    shared(
      fed(seen, 'idp_login'),
      (it) => it.MfaDeviceHash,
      (it) => it.at,
    ),
  P17: (seen) => {
    const hub = shared(
      fed(seen, 'idp_login'),
      (it) => it.MfaDeviceHash,
      (it) => it.at,
    )
    const exits = shared(
      seen.sessions,
      (it) => it.remoteAddress,
      (it) => it.device,
    )
    return exits.length > 0 ? hub : []
  },
  'P17/apart': (seen) =>
    shared(
      fed(seen, 'idp_login'),
      (it) => it.MfaDeviceHash,
      (it) => it.at,
    ),
  P18: (seen) => (gone(seen, 72).length > 0 ? abroad(seen) : []),
  'P18/router': (seen) => (abroad(seen).length === 0 && gone(seen, 72).length > 0 ? slow(seen) : []),
  'P18/account': (seen) =>
    fed(seen, 'idp_login').filter((it) => it.ManagedDevice === false && it.geo?.country !== 'US'),
  P19: (seen) => {
    const face = runs(seen, /manycam|obs/i)
    return inbound(seen).some((it) => face.some((camera) => Math.abs(camera.time - it.time) < HOUR)) ? face : []
  },
  'P19/script': (seen) => of(seen, 'process_creation').filter((it) => /Deep-Live-Cam/.test(it.CurrentDirectory ?? '')),
  P20: (seen) => (runs(seen, /node .*\.woff2$/).length > 0 ? runs(seen, /\.ssh|Login Data|keychain/) : []),
  'P20/install': (seen) => runs(seen, /^\S.*node .*tailwind\.config\.js$/),
  P21: (seen) => {
    const sending = of(seen, 'egress').filter((it) => it.BytesSent > 17e6 && it.BytesReceived < it.BytesSent / 3)
    const days = [...Map.groupBy(sending, (it) => Math.floor(it.time / DAY)).values()].filter((it) => it.length > 20)
    const from = days[0]?.[0]?.time ?? 0
    const touched = of(seen, 'input_pattern').some((it) => it.time > from)
    return days.length >= 3 && !touched ? days.flat() : []
  },
  P22: (seen) => (of(seen, 'network_place').every((it) => it.TunnelInterface === null) ? slow(seen) : []),
  'P22/flap': (seen) => abroad(seen),
  P23: (seen) => (new Set(seen.sessions.map((it) => it.fingerprint)).size === 2 ? conflicts(seen) : []),
  'P23/same': (seen) => (new Set(seen.sessions.map((it) => it.fingerprint)).size === 1 ? conflicts(seen) : []),
  'P23/played': (seen) => (abroad(seen).length === 0 ? conflicts(seen) : []),
  P24: (seen) => {
    const logins = fed(seen, 'idp_login')
    const unmasked = logins.filter((it) => FAR.test(it.geo?.country ?? ''))
    return cloudOnly(seen) && logins.some((it) => it.geo?.class === 'vpn') ? unmasked : []
  },
  'P24/residential': (seen) => {
    const logins = fed(seen, 'idp_login').filter((it) => !it.Mobile)
    const machines = new Set(logins.flatMap((it) => it.DeviceId ?? []))
    const inPlace = logins.every((it) => it.geo?.class === 'residential')
    return cloudOnly(seen) && machines.size === 3 && inPlace ? logins : []
  },
  'P24/unknown': (seen) => {
    const logins = fed(seen, 'idp_login').filter((it) => it.DeviceId === null && it.geo?.class === 'vpn')
    return cloudOnly(seen) ? logins : []
  },
  P25: (seen) => (renting(seen) && composite(seen).every((it) => !it.HasStorage) ? twins(seen) : []),
  'P25/relative': (seen) =>
    renting(seen) && composite(seen).length === 0
      ? of(seen, 'usb_device').filter((it) => it.ProductName === 'USB OPTICAL MOUSE')
      : [],
  'P25/weekends': (seen) => {
    const opened = of(seen, 'power_state').filter((it) => it.LidClosed === false && !it.OnBattery)
    return opened.some((it) => new Date(it.time).getUTCDay() === 6) ? twins(seen) : []
  },
  P26: (seen) => {
    const far = peersFrom(seen, FAR)
    const tools = new Set(inbound(seen).map((it) => it.Tool))
    return tools.size === 1 && tools.has('ScreenConnect') && controlledHours(seen).some((it) => it > 4) ? far : []
  },
  'P26/vpn': (seen) =>
    peersFrom(seen, FAR).length === 0
      ? seen.events.flatMap((it) => (it.facts?.peer?.class === 'vpn' ? [it.event] : []))
      : [],
  'P26/short': (seen) =>
    inbound(seen).every((it) => (it.EndedAt ?? it.StartedAt) - it.StartedAt < 50 * 60_000) ? peersFrom(seen, FAR) : [],
  'P26/once': (seen) => (farSessions(seen) === 2 ? peersFrom(seen, FAR) : []),
}

const cloudOnly = (seen: Seen) => seen.events.length === 0 && seen.sessions.length === 0
/** In the claimed place, without remote control, and typed on the ticks of a box. */
const renting = (seen: Seen) =>
  abroad(seen).length === 0 &&
  inbound(seen).length === 0 &&
  of(seen, 'input_pattern').some((it) => (it.IntervalHistogramMs['50'] ?? 0) > 0.6 * it.Events && it.Events > 100)
const conflicts = (seen: Seen): At[] => seen.events.flatMap((it) => (it.conflict ? [it.event] : []))
/** The agent sent an event within five minutes of this time. */
const near = (seen: Seen, time: number) => seen.times.some((it) => Math.abs(it - time) < 300_000)

const named = (scenario: Scenario) => [scenario.id, ...(scenario.variants ?? []).map((it) => `${scenario.id}/${it}`)]

/**
 * Programs and connections that ordinary workers have too: half of all lines. They are validated in
 * `simulate.test.ts` and are no evidence, so they are skipped here.
 */
const ordinary = new Set<string>()
const formOf = (line: string): string | null => {
  const program = line.indexOf('"category":"process_creation"')
  if (program > 0) return line.slice(program, line.indexOf('"User":', program))
  const connection = line.indexOf('"DestinationIp":"')
  return connection > 0 ? line.slice(connection, line.indexOf('"id":', connection)) : null
}

function played(scenario: Scenario, name: string, seed: number): Seen {
  // Laptops that start one after another need more days.
  const days = name === 'P4/slow' ? 32 : (scenario.days ?? 1)
  const options = { scenarios: [name], seed, workers: scenario.people, days, start: START }
  const seen: Seen = { times: [], events: [], sessions: [], feeds: [], contracts: [], labels: [] }
  for (const line of simulate(options)) {
    const time = /"seq":\d+,"time":(\d+)/.exec(line)?.[1]
    if (time !== undefined) seen.times.push(Number(time))
    if (ordinary.has(formOf(line) ?? '')) continue
    const it = Recorded.parse(JSON.parse(line))
    if (it.type === 'event') seen.events.push(it)
    else if (it.type === 'connection') seen.sessions.push(it)
    else if (it.type === 'feed') seen.feeds.push(it)
    else if (it.type === 'contract') seen.contracts.push(it)
    else if (it.type === 'label') seen.labels.push(it)
  }
  seen.times.sort((a, b) => a - b)
  return seen
}

describe('scenes of infiltration', () => {
  before(() => {
    for (const line of simulate({ scenarios: [], seed: 9, workers: 40, days: 8, start: START })) {
      const form = formOf(line)
      if (form !== null) ordinary.add(form)
    }
  })

  it('exist once each', () => {
    const there = SCENARIOS.map((it) => it.id).filter((id) => id.startsWith('P'))
    assert.deepEqual(there, INFILTRATIONS)
    for (const name of Object.keys(EVIDENCE)) assert.ok(SCENARIOS.flatMap(named).includes(name), name)
  })

  for (const scenario of SCENARIOS.filter((it) => it.id.startsWith('P')))
    it(`${scenario.id}, ${scenario.title}: has events of laptops and feeds, and visible evidence`, function () {
      this.timeout(60_000)
      for (const name of named(scenario))
        for (const seed of SEEDS) {
          const seen = played(scenario, name, seed)
          const where = `${name}, seed ${seed}`
          for (const { event } of seen.events) assert.equal(CATEGORIES[event.category].origin, 'agent', where)
          assert.equal(seen.labels.length, scenario.people, where)
          for (const it of seen.labels) assert.deepEqual([it.truth, it.scenario], ['infiltrator', name], where)
          const evidence = (EVIDENCE[name] ?? EVIDENCE[scenario.id]!)(seen)
          assert.ok(evidence.length > 0, `${where}: no evidence`)
          const first = Math.min(...evidence.map((it) => it.time))
          const from = Math.min(...seen.labels.map((it) => it.from))
          // A laptop's clock may be off by a minute or two; larger changes are visible as events.
          if (name !== 'P11/clock')
            assert.ok(from <= first + 300_000, `${where}: labelled from ${from}, seen at ${first}`)
        }
    })

  it('differ from one instance to another', () => {
    const [once, again] = SEEDS.map((seed) => played(SCENARIOS.find((it) => it.id === 'P1')!, 'P1', seed))
    assert.notEqual(once!.labels[0]!.from, again!.labels[0]!.from)
    assert.notEqual(of(once!, 'remote_session')[0]!.PeerIdHash, of(again!, 'remote_session')[0]!.PeerIdHash)
  })
})
