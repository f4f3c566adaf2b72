/**
 * What a company installs on every laptop: remote management, and a security service that carries all traffic.
 *
 * Source  AS numbers and locations as the makers publish them, shortened to cities that the table of places has.
 */
import { Fault } from '../../wire/fault.ts'
import type { Provider } from './cities.ts'

interface Rmm {
  /** The catalogue's id. */
  id: string
  /** The agent's name for the tool in events about sessions. */
  log: string
  /** The host that the company's laptops dial: its own tenant's, where the maker has such hosts. */
  host: string
}

export const RMMS = {
  ninjaone: { id: 'ninjaone-ninjarmm', log: 'NinjaOne', host: 'company.rmmservice.eu' },
  atera: { id: 'atera', log: 'Atera', host: 'agent-api.atera.com' },
  datto: { id: 'datto-rmm-centrastage', log: 'Datto RMM', host: 'company.centrastage.net' },
  action1: { id: 'action1', log: 'Action1', host: 'server.action1.com' },
  screenconnect: { id: 'screenconnect', log: 'ScreenConnect', host: 'company.screenconnect.com' },
} as const satisfies Record<string, Rmm>

interface Sase {
  id: string
  provider: Provider
  locations: readonly string[]
}

const WORLD = [
  ...['Ashburn', 'Atlanta', 'Chicago', 'Dallas', 'Denver', 'Los Angeles', 'Seattle', 'Toronto', 'Sao Paulo', 'London'],
  ...[
    'Manchester',
    'Dublin',
    'Paris',
    'Amsterdam',
    'Madrid',
    'Munich',
    'Warsaw',
    'Bucharest',
    'Bengaluru',
    'Singapore',
  ],
  ...['Tokyo', 'Sydney', 'Seoul'],
]

/** Of class 'hosting', as address databases have them today; what they are is known by their numbers. */
export const SASES = {
  zscaler: {
    id: 'zscaler-client-connector',
    provider: [22_616, 'ZSCALER-INC'],
    locations: WORLD.filter((it) => !['Manchester', 'Dublin', 'Bucharest'].includes(it)),
  },
  netskope: {
    id: 'netskope-client',
    provider: [55_256, 'NETSKOPE'],
    locations: WORLD.filter((it) => !['Denver', 'Dublin', 'Warsaw', 'Seoul'].includes(it)),
  },
  cloudflare: { id: 'cloudflare-warp', provider: [13_335, 'CLOUDFLARENET'], locations: WORLD },
} as const satisfies Record<string, Sase>

export interface Company {
  rmm: keyof typeof RMMS | null
  sase: keyof typeof SASES | null
}

/** Errors  Fault 'usage' for a name that is not known. */
export function companyOf(names: { rmm?: string | undefined; sase?: string | undefined }): Company | null {
  const { rmm = null, sase = null } = names
  if (rmm === null && sase === null) return null
  return { rmm: among('--rmm', RMMS, rmm), sase: among('--sase', SASES, sase) }
}

function among<K extends string>(where: string, known: Readonly<Record<K, unknown>>, name: string | null): K | null {
  if (name === null) return null
  if (Object.hasOwn(known, name)) return name as K
  const todo = `Give one of ${Object.keys(known).join(', ')}.`
  throw new Fault('usage', { where: `${where} ${name}`, why: 'There is no such product in the simulator.', todo })
}
