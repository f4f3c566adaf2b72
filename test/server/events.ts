/** Small, valid events and records for tests, with unremarkable defaults. */
import type { LoadedRule } from '../../rules/language/index.ts'
import type { Category, EventOf } from '../../wire/event.ts'
import type { AddressFacts, CatalogueFacts, RecordedOf } from '../../wire/recording.ts'

export const T0 = Date.UTC(2026, 10, 2, 9)
export const MINUTE = 60_000
export const HOUR = 3_600_000
export const DAY = 24 * HOUR

let made = 0

/** `seq` counts all events made in this process: one spool for all is enough. */
export function event<C extends Category>(
  category: C,
  fields: Omit<EventOf<C>, 'category' | 'id' | 'seq' | 'time' | 'product' | 'collector'>,
  time = T0,
): EventOf<C> {
  made++
  const id = `00000000-0000-7000-8000-${made.toString(16).padStart(12, '0')}`
  return { category, id, seq: made, time, product: 'linux', collector: 'test', ...fields } as EventOf<C>
}

export function processStart(image: string, time = T0, fields: Partial<EventOf<'process_creation'>> = {}) {
  return event(
    'process_creation',
    {
      Image: image,
      CommandLine: image,
      ParentImage: null,
      ParentCommandLine: null,
      User: 'dev',
      ProcessId: 4_242,
      ParentProcessId: 1,
      CurrentDirectory: null,
      OriginalFileName: null,
      Product: null,
      Company: null,
      Signer: null,
      StartedBeforeAgent: false,
      ...fields,
    },
    time,
  )
}

export function agentState(action: EventOf<'agent_state'>['Action'], time = T0) {
  return event(
    'agent_state',
    {
      Action: action,
      Version: '0.1.0',
      Fingerprint: null,
      Virtual: false,
      BootId: null,
      CpuMs: null,
      ResidentBytes: null,
      SpoolBytes: null,
      WireBytes: null,
      ForksSeen: null,
      ForksTotal: null,
    },
    time,
  )
}

export const received = (device: string, it: EventOf<Category>, receivedAt = it.time): RecordedOf<'event'> => ({
  type: 'event',
  device,
  receivedAt,
  event: it,
})

/** A line of the identity provider; fields that a test does not set are null. */
export function login(worker: string, time: number, fields: Partial<EventOf<'idp_login'>> = {}): RecordedOf<'feed'> {
  const defaults = {
    Worker: worker,
    ...{ Ip: null, Country: null, DeviceId: null, ManagedDevice: null, Mobile: null, MfaDeviceHash: null },
    ...{ MfaIp: null, MfaCountry: null, AccountHash: null, App: null, Result: 'success' as const },
  }
  return { type: 'feed', worker, time, event: { ...event('idp_login', { ...defaults, ...fields }, time), seq: null } }
}

/** The facts about an unknown address. */
export const NOWHERE: AddressFacts = {
  country: null,
  region: null,
  city: null,
  lat: null,
  lon: null,
  asn: null,
  class: 'unknown',
}
export const AUSTIN: AddressFacts = {
  country: 'US',
  region: 'Texas',
  city: 'Austin',
  lat: 30.27,
  lon: -97.74,
  asn: 64_500,
  class: 'residential',
}
export const BERLIN: AddressFacts = {
  country: 'DE',
  region: 'Berlin',
  city: 'Berlin',
  lat: 52.52,
  lon: 13.4,
  asn: 64_501,
  class: 'residential',
}

export function session(device: string, geo: AddressFacts, time = T0, fingerprint?: string): RecordedOf<'connection'> {
  return { type: 'connection', device, time, remoteAddress: '203.0.113.9', geo, ...(fingerprint && { fingerprint }) }
}

/** For the whole company unless `fields` say otherwise. */
export function approval(fields: Partial<RecordedOf<'approval'>>): RecordedOf<'approval'> {
  const what = fields.tool ?? fields.asn ?? fields.program ?? ''
  return {
    ...{ type: 'approval', id: `a-${fields.kind ?? 'tool'}-${what}`.replaceAll(/[^\w.-]/g, '-'), level: 'company' },
    ...{ kind: 'tool', from: T0 - 30 * DAY, approvedBy: 'ana', reason: 'Our own.' },
    ...fields,
  } as RecordedOf<'approval'>
}

export function contract(worker: string, fields: Partial<RecordedOf<'contract'>> = {}): RecordedOf<'contract'> {
  return { type: 'contract', worker, from: T0 - 30 * DAY, country: 'US', latitude: 30.27, longitude: -97.74, ...fields }
}

export function holding(
  device: string,
  worker: string,
  fields: Partial<RecordedOf<'device'>> = {},
): RecordedOf<'device'> {
  return { type: 'device', device, worker, from: T0 - 30 * DAY, to: null, firstBoot: T0 - 30 * DAY, ...fields }
}

export function rule(fields: Partial<LoadedRule> = {}): LoadedRule {
  return {
    id: '11111111-1111-4111-8111-111111111111',
    version: 'v1',
    effectiveVersion: 'v1',
    name: null,
    condition: { kind: 'test', field: 'Tool', test: { op: 'present' } },
    title: 'a test rule',
    description: null,
    author: null,
    license: null,
    references: [],
    level: 'high',
    status: null,
    tags: [],
    falsepositives: [],
    logsource: { category: 'tool', product: null, service: null },
    path: 'test.yml',
    line: 1,
    tellwire: {
      family: 'remote-access',
      strength: 3,
      halfLifeDays: 14,
      pattern: null,
      sensor: null,
      rate: null,
      rareBy: [],
      decibans: null,
      fact: null,
      ordinaryFor: [],
      signals: [],
      step: false,
      sensitive: false,
      groupBy: ['Tool'],
      says: '{Tool} was seen',
      blindTo: null,
      response: null,
      tests: [],
    },
    ...fields,
  }
}

export type FoundTool = NonNullable<CatalogueFacts['tools']>[number]
/** A tool as the catalogue recognises it by a program's name. */
export const NINJAONE: FoundTool = {
  id: 'ninjaone-ninjarmm',
  name: 'NinjaOne (NinjaRMM)',
  category: 'rmm-agent',
  by: 'name',
  renamed: false,
  unattended: null,
}
