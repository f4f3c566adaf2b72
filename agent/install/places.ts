/** Where an installed agent lives, by operating system: program, service definition, and what the installer was given. */
import { posix, win32 } from 'node:path'
import type { AgentProduct } from '../../wire/common.ts'

/**
 * Shape   `program` holds `versions/<version>/` side by side, and small files beside them: `current`, `previous`,
 *         `staged`, `trial`, `failed`. They are texts and not links, because Windows needs a privilege for links, and
 *         only a file can be replaced atomically everywhere.
 * Errors  every folder belongs to root (Administrators and SYSTEM on Windows): nothing that a laptop's user can write
 *         decides which program runs.
 */
export interface Places {
  program: string
  versions: string
  /** The version in force. */
  current: string
  /** The version before it, to which a failed upgrade returns. */
  previous: string
  /** A version that is installed, and waits until the server allows it. */
  staged: string
  /** Exists while a new version has to show that it works. */
  trial: string
  /** The latest version that did not, and why. */
  failed: string
  /** What people and service definitions start. */
  launcher: string
  /** In PATH; null where an installer sets it. */
  link: string | null
  /** Program state: the parent of the default of `tellwire agent run --folder`. */
  state: string
  /** What the installer was given. */
  settings: string
  /** A one-time token; removed when it was used. */
  enrollment: string
  /** PEM of the authority that signed the server's certificate, if it is not a public one. */
  ca: string
  /** One word: the ring of this laptop in a staged roll-out. */
  ring: string
  /** What a configuration profile sets: see managed.ts. Null: this system has none. */
  managed: string | null
  /** A token that the server made for removing the agent from this laptop. */
  uninstall: string
  node: string
}

/** `root`: for tests, and for packages that are built: the folder that stands for '/'. */
export function placesOf(product: AgentProduct, root = ''): Places {
  const { join } = product === 'windows' ? win32 : posix
  const { program, state, settings, launcher, link, node } = BASES[product]
  const at = (path: string) => `${root}${path}`
  const inProgram = (name: string) => at(join(program, name))
  const inSettings = (name: string) => at(join(settings, name))
  return {
    program: at(program),
    versions: inProgram('versions'),
    current: inProgram('current'),
    previous: inProgram('previous'),
    staged: inProgram('staged'),
    trial: inProgram('trial'),
    failed: inProgram('failed'),
    launcher: inProgram(launcher),
    link: link === null ? null : at(link),
    state: at(state),
    settings: at(settings),
    enrollment: inSettings('enrollment'),
    ca: inSettings('ca.crt'),
    ring: inSettings('ring'),
    uninstall: inSettings('uninstall'),
    managed: product === 'macos' ? at('/Library/Managed Preferences/com.tellwire.agent.plist') : null,
    node,
  }
}

const BASES = {
  linux: {
    program: '/opt/tellwire',
    state: '/var/lib/tellwire',
    settings: '/etc/tellwire',
    launcher: 'bin/tellwire',
    link: '/usr/bin/tellwire',
    node: 'node',
  },
  macos: {
    program: '/Library/Tellwire',
    state: '/var/lib/tellwire',
    settings: '/Library/Application Support/Tellwire',
    launcher: 'bin/tellwire',
    link: '/usr/local/bin/tellwire',
    node: 'node',
  },
  windows: {
    program: 'C:\\Program Files\\Tellwire',
    state: 'C:\\ProgramData\\Tellwire',
    settings: 'C:\\ProgramData\\Tellwire\\settings',
    launcher: 'bin\\tellwire.cmd',
    link: null,
    node: 'node.exe',
  },
} as const
