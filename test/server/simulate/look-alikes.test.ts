import assert from 'node:assert/strict'
import { SCENARIOS } from '../../../server/simulate/scenarios/index.ts'
import type { Scenario } from '../../../server/simulate/scene.ts'
import { simulate } from '../../../server/simulate/simulate.ts'
import type { Category, EventOf } from '../../../wire/event.ts'
import type { FeedCategory } from '../../../wire/events/feeds.ts'
import { Recorded, type RecordedOf } from '../../../wire/recording.ts'

const START = Date.UTC(2026, 8, 14)
const DAY = 86_400_000
const SEEDS = [1, 2, 3]
/** Of the fleet's noise every nth line is checked against the schema; of rarer lines, all. */
const SAMPLE = 40

const IDS = Array.from({ length: 38 }, (_, nth) => `N${nth + 1}`)

function sceneOf(id: string): Scenario {
  const found = SCENARIOS.find((it) => it.id === id)
  assert.ok(found, `${id} is not in scenarios/index.ts`)
  return found
}

/** Only the people of the scene. */
function played(scene: Scenario, variant: string | null, seed: number): string[] {
  const name = variant === null ? scene.id : `${scene.id}/${variant}`
  return [...simulate({ scenarios: [name], seed, workers: scene.people, days: scene.days ?? 7, start: START })]
}

const NOISE = /"category":"(process_creation|network_connection|egress|input_pattern|presence|repository|repo_audit)"/

describe('look-alikes', () => {
  it('are thirty-seven, none of them an infiltrator', () => {
    const found = SCENARIOS.filter((it) => it.id.startsWith('N'))
    assert.deepEqual(found.map((it) => it.id).sort(), [...IDS].sort())
    for (const { id, truth } of found) assert.equal(truth, 'benign', id)
  })

  for (const id of IDS) {
    it(`${id} runs in every variant with three seeds, and writes its labels`, function () {
      this.timeout(120_000)
      const scene = sceneOf(id)
      const names = new Set<string>()
      // A large scene differs between seeds only in its noise, so each variant runs with one seed.
      for (const [nth, variant] of [null, ...(scene.variants ?? [])].entries())
        for (const seed of scene.people < 6 ? SEEDS : [SEEDS[nth % 3]!]) {
          const lines = played(scene, variant, seed)
          const name = variant === null ? id : `${id}/${variant}`
          names.add(name)
          const labels = lines.filter((it) => it.startsWith('{"type":"label"')).map((it) => JSON.parse(it))
          assert.equal(labels.length, scene.people, `${name}, seed ${seed}`)
          for (const label of labels) {
            assert.equal(label.truth, 'benign', name)
            assert.equal(label.scenario, name)
          }
          for (const [at, line] of lines.entries())
            if (at % SAMPLE === seed || !NOISE.test(line)) assertValid(line, `${name}, seed ${seed}, line ${at + 1}`)
        }
      assert.equal(names.size, 1 + (scene.variants?.length ?? 0))
    })
  }
})

function assertValid(line: string, where: string): void {
  const result = Recorded.safeParse(JSON.parse(line))
  assert.ok(result.success, `${where}: ${line.slice(0, 300)}: ${result.error?.message}`)
}

/** The records of a recording, by type. */
interface Recording {
  contracts: RecordedOf<'contract'>[]
  sessions: RecordedOf<'connection'>[]
  devices: RecordedOf<'device'>[]
  events<C extends Category>(category: C): EventOf<C>[]
  feeds<C extends FeedCategory>(category: C): (EventOf<C> & { receivedAt: number })[]
  firstWorker: string
}

function recordingOf(id: string, variant: string | null = null): Recording {
  const lines = played(sceneOf(id), variant, 1)
  const of = <T extends Recorded['type']>(type: T) =>
    lines
      .filter((it) => it.startsWith(`{"type":"${type}"`))
      .map((it) => Recorded.parse(JSON.parse(it)) as RecordedOf<T>)
  return {
    contracts: of('contract'),
    sessions: of('connection'),
    devices: of('device'),
    events: (category) =>
      lines
        .filter((it) => it.startsWith('{"type":"event"') && it.includes(`"category":"${category}"`))
        .map((it) => JSON.parse(it).event),
    feeds: (category) =>
      lines
        .filter((it) => it.startsWith('{"type":"feed"') && it.includes(`"category":"${category}"`))
        .map((it) => JSON.parse(it).event),
    firstWorker: JSON.parse(lines.find((it) => it.startsWith('{"type":"label"'))!).worker,
  }
}

const tools = (it: Recording) => it.contracts.flatMap((contract) => contract.approvedTools ?? [])
const exits = (it: Recording) => it.contracts.flatMap((contract) => contract.approvedEgress ?? [])
const roles = (it: Recording) => it.contracts.flatMap((contract) => contract.roles ?? [])
const count = <T>(list: readonly T[]): number => new Set(list).size

/** By row of the threat model's section 4: the recording contains what distinguishes it from what it resembles. */
const DISCRIMINATORS: Readonly<Record<string, (it: Recording) => void>> = {
  N1(it) {
    const approved = tools(it)
    assert.ok(approved.length > 0)
    assert.ok(approved.every(({ tool, tenant, to }) => tool === 'ScreenConnect' && tenant === 'company' && to))
    const sessions = it.events('remote_session')
    assert.ok(sessions.length >= 12 && sessions.every(({ Unattended }) => Unattended === false))
    assert.equal(count(sessions.map(({ PeerIdHash }) => PeerIdHash)), 1)
    for (const { StartedAt, EndedAt } of sessions) if (EndedAt) assert.ok(EndedAt - StartedAt < 30 * 60_000)
  },
  N2(it) {
    const removed = it.events('software').filter(({ Action, Name }) => Action === 'removed' && Name === 'TeamViewer')
    assert.ok(removed.length >= 6)
    const times = removed.map(({ time }) => time)
    assert.ok(Math.max(...times) - Math.min(...times) < DAY, 'all on one day')
    const both = it.contracts.filter(({ approvedTools }) => approvedTools?.some(({ tool }) => tool === 'AnyDesk'))
    assert.equal(both.length, 6)
    for (const { approvedTools, from } of both) {
      const old = approvedTools!.find(({ tool }) => tool === 'TeamViewer')!
      assert.ok(from < Math.min(...times) && old.to! > Math.max(...times))
    }
    const parents = it
      .events('process_creation')
      .filter(({ CommandLine }) => CommandLine?.endsWith('--install --silent'))
    assert.ok(parents.length >= 6)
    for (const { ParentImage, User } of parents)
      assert.match(`${ParentImage} ${User}`, /(Intune|jamf).* (root|NT AUTH)/)
  },
  N3(it) {
    const logons = it.events('logon').map(({ time }) => time)
    const installed = it.events('software').find(({ Name, Action }) => /ninja/i.test(Name) && Action === 'installed')!
    const boot = it.devices[0]!.firstBoot!
    assert.ok(installed.time < Math.min(...logons), 'before anybody logs on')
    assert.ok(installed.time - boot > 9 * 60_000 && installed.time - boot < 15 * 60_000)
    const setUp = it.events('process_creation').find(({ CommandLine }) => CommandLine?.endsWith('--install --silent'))!
    assert.match(setUp.ParentImage!, /IntuneManagementExtension|jamf|landscape-client/)
    assert.ok(setUp.time < installed.time)
  },
  N4(it) {
    const [notice] = it.contracts.at(-1)!.travelNotices!
    const away = it.sessions.filter(({ geo }) => geo?.country === 'DE')
    assert.ok(away.length >= 5)
    for (const { time } of away) assert.ok(notice!.from <= time && time < notice!.to)
    const zones = it.events('clock_place').map(({ TimeZone }) => TimeZone)
    assert.ok(zones.length > 0 && zones.every((zone) => zone?.startsWith('America/')))
    assert.ok(it.sessions.some(({ geo, time }) => geo?.country === 'US' && time > away.at(-1)!.time))
  },
  N5(it) {
    const through = it.sessions.filter(({ geo }) => geo?.asn === exits(it)[0]!.asn)
    assert.ok(through.length >= 8)
    const before = it.sessions.filter(({ geo }) => geo?.class === 'residential')
    assert.ok(before.length >= 8, 'from home, before the tunnel')
  },
  N6(it) {
    const seen = it.sessions.filter(({ geo }) => geo?.class === 'vpn')
    assert.ok(seen.length >= 10)
    assert.equal(count(seen.map(({ remoteAddress }) => remoteAddress)), 1)
    assert.ok(seen.every(({ geo }) => geo?.country === 'US'))
    assert.equal(it.events('remote_session').length, 0)
  },
  N7(it) {
    const mobile = it.sessions.filter(({ geo }) => geo?.class === 'mobile')
    assert.ok(mobile.length >= 2)
    assert.ok(mobile.every(({ geo }) => geo?.city !== it.contracts[0]!.city))
  },
  N8(it) {
    const shared = it.sessions.filter(({ geo }) => geo?.class === 'corporate')
    assert.equal(count(shared.map(({ remoteAddress }) => remoteAddress)), 1)
    assert.equal(count(shared.map(({ device }) => device)), 6)
    const homes = it.sessions.filter(({ geo }) => geo?.class === 'residential')
    assert.equal(count(homes.map(({ device }) => device)), 6)
    assert.ok(count(homes.map(({ remoteAddress }) => remoteAddress)) >= 6)
  },
  N9(it) {
    assert.ok(it.contracts.every(({ household }) => household?.length === 1))
    assert.ok(count(it.events('network_place').map(({ GatewayHash }) => GatewayHash)) > 1, 'seen elsewhere too')
  },
  N10(it) {
    const monitors = it.events('display').map(({ SerialText }) => SerialText)
    assert.ok(count(monitors) >= 5)
    const office = it.sessions.filter(({ geo }) => geo?.class === 'corporate')
    assert.equal(count(office.map(({ device }) => device)), 8)
    const gateways = it.events('network_place').map(({ GatewayHash }) => GatewayHash)
    assert.equal(count(gateways), 9, "the office's and eight homes'")
    assert.ok(it.events('usb_device').every(({ HasAbsolutePointer }) => !HasAbsolutePointer))
  },
  N11(it) {
    const [asset] = it.contracts[0]!.peripherals!
    const seen = it.events('usb_device').filter(({ ProductName }) => ProductName === 'PiKVM Composite Device')
    assert.equal(seen.length, 2)
    for (const { time, VendorId, SerialNumber } of seen) {
      assert.ok(asset!.from! <= time && time < asset!.to!)
      assert.deepEqual([VendorId, SerialNumber], [asset!.vendorId, asset!.serial])
    }
    assert.ok(roles(it).includes('lab administrator'))
  },
  N12(it) {
    const named = ['USB Receiver', 'Keychron K2', 'Integrated Camera']
    const parts = it.events('usb_device').filter(({ ProductName }) => named.includes(ProductName ?? ''))
    assert.equal(count(parts.map(({ ProductName }) => ProductName)), 3)
    assert.ok(parts.every(({ HasStorage, HasAbsolutePointer }) => !HasStorage && !HasAbsolutePointer))
    const ways = it.events('input_pattern').map(({ SourceDevice }) => SourceDevice)
    assert.ok(ways.includes('Keychron K2') && ways.includes('Logitech MX Master 3'))
  },
  N13(it) {
    const video = it.events('usb_device').filter(({ InterfaceClasses }) => InterfaceClasses.includes('0e'))
    assert.ok(video.length >= 3)
    assert.ok(roles(it).includes('trainer'))
  },
  N14(it) {
    const builds = it.events('process_creation').filter(({ CommandLine }) => /^caffeinate/.test(CommandLine ?? ''))
    assert.equal(builds.length, 3)
    for (const { CommandLine } of builds) assert.match(CommandLine!, /make -j8|-t 5400/)
  },
  N15(it) {
    const cloned = it.feeds('repo_audit').filter(({ OutsideTeam }) => OutsideTeam === false)
    assert.equal(count(cloned.map(({ Repository }) => Repository)), 6)
    assert.equal(it.feeds('repo_audit').filter(({ OutsideTeam }) => OutsideTeam).length, 0)
    assert.ok(cloned.some(({ Bytes }) => Bytes === 40e9))
  },
  N16(it) {
    const mirrored = it.feeds('repo_audit').filter(({ AccountHash }) => AccountHash !== null)
    assert.equal(mirrored.length, 14 * 200)
    assert.equal(count(mirrored.map(({ AccountHash }) => AccountHash)), 1)
    // 02:00 to 04:00 in Krakow, during summer time.
    assert.ok(mirrored.every(({ time }) => new Date(time).getUTCHours() < 2))
    assert.ok(roles(it).includes('repository mirror'))
  },
  N17(it) {
    const sent = it.events('egress').filter(({ DestinationHostname }) => DestinationHostname === exits(it)[0]!.domain)
    assert.ok(sent.length >= 14 * 3)
    assert.ok(
      sent.every(({ time }) => new Date(time).getUTCHours() === 6),
      'at 01:00 in Minneapolis',
    )
    assert.ok(tools(it).some(({ tool }) => /restic/.test(tool)))
  },
  N18(it) {
    assert.ok(tools(it).some(({ tool, tenant }) => tool.startsWith('OneDrive') && tenant === 'company'))
    const bursts = it.events('file_burst').filter(({ Root }) => Root.endsWith('OneDrive - Company'))
    assert.ok(bursts.reduce((sum, { Bytes }) => sum + Bytes, 0) >= 79e9)
    const sent = it.events('egress').filter(({ DestinationHostname }) => DestinationHostname === exits(it)[0]!.domain)
    assert.ok(sent.reduce((sum, { BytesSent }) => sum + BytesSent, 0) >= 79e9)
  },
  N19(it) {
    assert.ok(roles(it).includes('video editor') && roles(it).includes('release engineer'))
    const allowed = exits(it).map(({ domain }) => domain)
    const large = it.events('egress').filter(({ BytesSent }) => BytesSent > 2.4e9)
    assert.ok(large.length >= 24)
    for (const { DestinationHostname } of large)
      assert.ok(allowed.includes(DestinationHostname), `${DestinationHostname}`)
  },
  N20(it) {
    const commands = it.events('process_creation').map(({ CommandLine }) => CommandLine ?? '')
    assert.ok(commands.some((line) => line.startsWith('tailscale up') && line.includes('company.example')))
    assert.ok(commands.some((line) => line.startsWith('code tunnel') && line.includes('--tenant=company')))
    assert.ok(tools(it).some(({ tool, tenant }) => tool === 'Tailscale' && tenant === 'company.example'))
  },
  N21(it) {
    const declared = it.contracts.filter(({ declaredHours }) => declaredHours?.length)
    assert.equal(count(declared.map(({ worker }) => worker)), 3)
    assert.ok(declared.some(({ declaredHours }) => declaredHours!.some(({ start }) => start === '21:00')))
  },
  N22(it) {
    const layouts = it.events('clock_place').flatMap(({ KeyboardLayouts }) => KeyboardLayouts ?? [])
    assert.ok(layouts.includes('kr'))
    const there = it.contracts.find(({ country }) => country === 'KR')!
    assert.equal(there.city, 'Seoul')
    assert.ok(it.sessions.some(({ geo }) => geo?.country === 'KR'))
  },
  N23(it) {
    const [declared] = it.contracts[0]!.peripherals!
    const used = it.events('usb_device').filter(({ HasAbsolutePointer }) => HasAbsolutePointer)
    assert.ok(used.length >= 9)
    for (const { VendorId, ProductId, SerialNumber } of used)
      assert.deepEqual([VendorId, ProductId, SerialNumber], [declared!.vendorId, declared!.productId, declared!.serial])
    assert.ok(tools(it).some(({ tool, ticket }) => tool === 'AnyDesk' && ticket === 'HR-9'))
    assert.doesNotMatch(JSON.stringify(it.contracts), /disab|access|reason/i)
  },
  N24(it) {
    for (const { device, worker } of it.devices) {
      const heard = [
        ...it.sessions.filter((session) => session.device === device).map(({ time }) => time),
        ...it
          .feeds('idp_login')
          .filter(({ Worker }) => Worker === worker)
          .map(({ time }) => time),
      ].sort((a, b) => a - b)
      const gap = Math.max(...heard.slice(1).map((at, nth) => at - heard[nth]!))
      assert.ok(gap > 12 * 3_600_000, `${worker} is silent for ${gap / 3_600_000} h, at the identity provider too`)
    }
  },
  N25(it) {
    assert.ok(roles(it).includes('qa') && roles(it).includes('web3'))
    const profiles = it.events('process_creation').map(({ CommandLine }) => /Profile \d/.exec(CommandLine ?? '')?.[0])
    assert.equal(count(profiles.filter(Boolean)), 6)
  },
  N26(it) {
    const parts = it.events('software').filter(({ Name, Kind }) => /ScreenConnect/.test(Name) && Kind !== 'service')
    assert.deepEqual(
      parts.map(({ Action }) => Action),
      ['removed', 'installed', 'removed', 'installed'],
    )
    assert.equal(count(parts.map(({ Publisher }) => Publisher)), 1)
    const seen = new Map<string, string[]>()
    for (const { device, fingerprint } of it.sessions)
      if (seen.get(device)?.at(-1) !== fingerprint) seen.set(device, [...(seen.get(device) ?? []), fingerprint!])
    // The old one never comes back: there are as many changes as fingerprints.
    assert.deepEqual([...seen.values()].map((prints) => prints.length).sort(), [1, 1, 1, 2])
    assert.ok(
      it.devices.some(({ to }) => to !== null),
      'a laptop was given back',
    )
  },
  N27(it) {
    const prints = new Map<string, Set<string>>()
    for (const { remoteAddress, geo } of it.sessions)
      prints.set(remoteAddress, (prints.get(remoteAddress) ?? new Set()).add(`${geo?.edition} ${geo?.country}`))
    assert.equal(prints.size, 28, 'no address changed')
    const moved = [...prints.values()].filter((seen) => seen.has('dbip-city 2026-09-01 GB'))
    assert.equal(moved.length, 24)
    assert.ok(moved.every((seen) => seen.has('dbip-city 2026-08-01 US')))
    assert.ok([...prints.values()].every((seen) => seen.size === 2))
  },
  N28(it) {
    const jumps = it.events('clock_place').filter(({ ClockJumpMs }) => ClockJumpMs !== null)
    assert.equal(jumps.length, 1)
    const starts = it.events('agent_state').filter(({ Action }) => Action === 'started')
    assert.ok(starts.some(({ time }) => Math.abs(time - jumps[0]!.time) < 3 * 3_600_000))
    const summer = it.events('clock_place').find(({ UtcOffsetMinutes }) => UtcOffsetMinutes === 660)!
    assert.equal(new Date(summer.time).toISOString().slice(0, 10), '2026-10-03', '10:00 on the 4th, in Sydney')
  },
  N29(it) {
    const extensions = it.events('software').filter(({ Kind }) => Kind === 'browser_extension')
    assert.deepEqual(
      extensions.map(({ Identifier }) => Identifier),
      ['pbanhockgagggenencehbnadejlgchfc'],
    )
    assert.equal(it.events('remote_session').length, 0)
  },
  N30(it) {
    const [notice] = it.contracts.at(-1)!.travelNotices!
    const approved = it.feeds('idp_login').filter(({ MfaCountry }) => MfaCountry !== null)
    assert.ok(approved.length >= 5)
    for (const { MfaCountry, MfaDeviceHash, time } of approved) {
      assert.match(MfaCountry!, /^(SG|PL)$/)
      assert.equal(MfaDeviceHash, approved[0]!.MfaDeviceHash)
      assert.ok(notice!.from <= time && time < notice!.to)
    }
    const own = it.feeds('idp_login').flatMap(({ MfaDeviceHash }) => MfaDeviceHash ?? [])
    assert.equal(count(own), 1, 'the same telephone before and after')
    assert.ok(it.sessions.some(({ geo }) => geo?.country === notice!.country))
  },
  N31(it) {
    const through = it.sessions.filter(({ geo }) => [22_616, 55_256].includes(geo?.asn ?? 0))
    assert.equal(count(through.map(({ device }) => device)), 3)
    assert.equal(count(through.map(({ geo }) => geo?.asn)), 1)
    assert.ok(count(through.map(({ geo }) => geo?.country)) >= 3)
    assert.ok(
      it.sessions.some(({ geo }) => geo?.class === 'residential'),
      'from home, before the service is up',
    )
    assert.equal(exits(it).length, 0)
    assert.equal(it.events('remote_session').length, 0)
  },
  N32(it) {
    assert.ok(it.sessions.every(({ geo }) => geo?.asn === 14_593 && geo.country !== it.contracts[0]!.country))
    assert.equal(count(it.events('network_place').map(({ GatewayHash }) => GatewayHash)), 1)
    assert.ok(it.events('clock_place').every(({ TimeZone }) => TimeZone === it.contracts[0]!.timeZone))
  },
  N33(it) {
    const started = it.events('process_creation').filter(({ Image }) => /ninja|Cag|atera/i.test(Image ?? ''))
    assert.ok(started.length > 8 * 5 && started.every(({ User }) => /SYSTEM|root/.test(User ?? '')))
    const sessions = it.events('remote_session').filter(({ Tool }) => tools(it).some(({ tool }) => tool === Tool))
    assert.ok(sessions.length >= 8 * 4 && sessions.every(({ Unattended }) => Unattended === false))
    assert.equal(count(sessions.map(({ PeerIdHash }) => PeerIdHash)), 2, 'two technicians for all')
  },
  N34(it) {
    const deploy = it.feeds('idp_login').filter(({ App }) => App === 'deploy')
    assert.equal(count(deploy.map(({ Worker }) => Worker)), 3)
    assert.equal(count(deploy.map(({ MfaDeviceHash }) => MfaDeviceHash)), 1)
    assert.equal(count(deploy.map(({ AccountHash }) => AccountHash)), 1)
    const own = it.feeds('idp_login').filter(({ App, MfaDeviceHash }) => App === 'sso' && MfaDeviceHash)
    assert.equal(count(own.map(({ MfaDeviceHash }) => MfaDeviceHash)), 3, 'each has a telephone of their own')
  },
  N35(it) {
    const docks = it.events('usb_device').filter(({ ProductName }) => /Thunderbolt 3 Dock/.test(ProductName ?? ''))
    assert.equal(count(docks.map(({ SerialNumber }) => SerialNumber)), 1)
    assert.ok(docks.length >= 24 * 4)
    const monitors = it.events('display').map(({ SerialText }) => SerialText)
    assert.equal(count(monitors), 24)
    assert.equal(count(it.events('network_place').map(({ GatewayHash }) => GatewayHash)), 24)
  },
  N36(it) {
    const places = new Map<string, Set<string>>()
    for (const { remoteAddress, geo } of it.sessions)
      places.set(remoteAddress, (places.get(remoteAddress) ?? new Set()).add(`${geo?.city} ${geo?.country}`))
    assert.equal(places.size, 12, 'no address changed')
    assert.ok([...places.values()].every((seen) => seen.size === 2))
    assert.equal(count(it.events('network_place').map(({ GatewayHash }) => GatewayHash)), 12)
    assert.ok(it.sessions.every(({ geo }) => geo?.edition === undefined))
  },
  N37(it) {
    const devices = Map.groupBy(it.sessions, ({ remoteAddress }) => remoteAddress)
    assert.equal(devices.size, 3)
    for (const all of devices.values()) assert.equal(count(all.map(({ device }) => device)), 10)
    assert.equal(count(it.events('network_place').map(({ GatewayHash }) => GatewayHash)), 10, 'ten routers')
  },
  N38(it) {
    const lines = count(it.sessions.map(({ remoteAddress }) => remoteAddress))
    assert.equal(lines, 2)
    assert.equal(count(it.events('network_place').map(({ GatewayHash }) => GatewayHash)), 1, 'one router')
    const own = it.feeds('idp_login').filter(({ ManagedDevice, Mobile }) => ManagedDevice === false && Mobile === false)
    assert.equal(count(own.map(({ Ip }) => Ip)), 2, 'both computers are behind both lines')
  },
}

describe('what distinguishes a look-alike', () => {
  for (const id of IDS)
    it(`${id}: ${sceneOf(id).title}`, function () {
      this.timeout(60_000)
      const check = DISCRIMINATORS[id]
      assert.ok(check, 'a row without an assertion')
      check(recordingOf(id))
    })
})
