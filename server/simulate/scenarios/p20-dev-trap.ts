import type { System } from '../observations.ts'
import { clock, inHome, settingOf, sweepsSecrets } from '../operators.ts'
import { below, between, pick } from '../random.ts'
import type { Scenario } from '../scene.ts'

const SHELLS: Readonly<Record<System, string>> = {
  windows: 'C:\\Windows\\System32\\cmd.exe',
  macos: '/bin/sh',
  linux: '/bin/sh',
}
const NODES: Readonly<Record<System, string>> = {
  windows: 'C:\\Program Files\\nodejs\\node.exe',
  macos: '/opt/homebrew/bin/node',
  linux: '/usr/bin/node',
}
const EDITORS: Readonly<Record<System, string>> = {
  windows: 'C:\\Program Files\\Microsoft VS Code\\Code.exe',
  macos: '/Applications/Visual Studio Code.app/Contents/MacOS/Electron',
  linux: '/usr/share/code/code',
}
const GITS: Readonly<Record<System, string>> = {
  windows: 'C:\\Program Files\\Git\\cmd\\git.exe',
  macos: '/usr/bin/git',
  linux: '/usr/bin/git',
}

/**
 * A repository for a "coding task" is opened in the editor. Opening it runs a font file as a program, which asks a
 * blockchain for the address of its control server, and takes the keys it finds.
 *
 * Variants  'hook': git runs it when the branch changes. 'install': a package's script runs it, from a file with an
 *           innocent name, and the chain is queried through a host of their own: the child of the installation and what
 *           it reads remain.
 * Source    threat model P20, #80, #89, #90; PolinRider in section 2G. The developer may be a victim; even so, the
 *           laptop is driven by somebody else.
 */
export const p20: Scenario = {
  id: 'P20',
  title: 'a trap for developers',
  truth: 'infiltrator',
  people: 1,
  days: 6,
  variants: ['hook', 'install'],
  play(cast) {
    const { random, variant } = cast
    const worker = cast.people[0]!
    const { claimed, system } = settingOf(cast)
    const project = pick(random, ['trading-demo', 'nft-market-task', 'defi-frontend-test', 'coinlocator'])
    const CurrentDirectory = inHome(system, `src/${project}`)
    const font = pick(random, ['public/fonts/fa-solid-400.woff2', 'assets/fonts/inter-var.woff2'])
    const day = worker.workday(1 + below(random, 3))
    worker.livesAt(cast.home(claimed)).role('developer').system(system).hours('09:00', '17:30')
    worker.on(day, (stage) => {
      stage.works('09:00', '12:20').works('12:50', '17:30')
      const [shell, node, editor, git] = [SHELLS[system], NODES[system], EDITORS[system], GITS[system]]
      const starts = { folder: editor, hook: git, install: node }[variant ?? 'folder']!
      const moment = stage
        .at(clock(random, '10:00', '16:00'))
        .runs(git, `git clone https://github.com/${project}-labs`)
        .saw('repository', {
          Host: 'github.com',
          Namespace: `${project}-labs`,
          Bytes: 4_000_000 + below(random, 30_000_000),
        })
        .wait(between(random, 0.5, 3))
      if (variant === 'hook') moment.runs(git, 'git checkout develop', { CurrentDirectory })
      else if (variant === 'install') moment.runs(node, 'npm install', { CurrentDirectory })
      else moment.runs(editor, `${editor} .`, { CurrentDirectory })
      const file = variant === 'install' ? 'lib/tailwind.config.js' : font
      const ParentCommandLine =
        variant === 'hook' ? 'git checkout develop' : variant === 'install' ? 'npm install' : `${editor} --type=utility`
      const option = system === 'windows' ? '/c' : '-c'
      const hook = variant === 'hook' ? `${shell} .git/hooks/post-checkout` : `${shell} ${option} node ${file}`
      moment
        .runs(shell, hook, { CurrentDirectory, ParentImage: starts, ParentCommandLine })
        .runs(node, `node ${file}`, { CurrentDirectory, ParentImage: shell, ParentCommandLine: hook })
      const chains = ['api.trongrid.io', 'fullnode.mainnet.aptoslabs.com', 'bsc-dataseed.binance.org']
      for (const host of variant === 'install' ? [`cdn${below(random, 40)}.jsonkeeper-assets.example`] : chains)
        moment.saw('network_connection', {
          Image: node,
          DestinationHostname: system === 'linux' ? null : host,
          DestinationIp: `198.51.100.${1 + below(random, 250)}`,
        })
      // The control server's address changes within weeks, so no list knows it.
      moment.saw('network_connection', { Image: node, DestinationIp: '203.0.113.158', DestinationPort: 1244 })
      sweepsSecrets(moment.wait(between(random, 1, 8)), system, random)
      moment.saw('egress', {
        ...(system !== 'linux' && { Image: node, DestinationIp: '203.0.113.158', DestinationPort: 1244 }),
        BytesSent: 3_000_000 + below(random, 40_000_000),
      })
    })
  },
}
