import { disguised, plugsIn } from '../kvms.ts'
import { clock, driven, REMOTE_TOOLS, settingOf } from '../operators.ts'
import { below, pick } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * The helpdesk removes a remote-control tool. Within days another one is installed.
 *
 * Variants  'same': the same tool once more, portable and renamed. 'kvm': a box at the ports instead of a program.
 *           'tunnel': the editor's own tunnel, signed in with an account that is not the company's.
 * Source    threat model P14, #22, #30.
 */
export const p14: Scenario = {
  id: 'P14',
  title: 'blocked, and back again',
  truth: 'infiltrator',
  people: 1,
  days: 18,
  variants: ['same', 'kvm', 'tunnel'],
  play(cast) {
    const { random, variant } = cast
    const worker = cast.people[0]!
    const { claimed, vpnCity, system } = settingOf(cast)
    const [first, second] = shuffled(random)
    const by = { id: cast.hash('operator'), from: cast.vpn('astrill', vpnCity) }
    const [comes, goes] = [worker.workday(1), worker.workday(4)]
    const returns = worker.workday(5 + below(random, 4))
    const box = disguised(pick(random, ['logitech', 'microsoft', 'dell']))
    worker.livesAt(cast.home(claimed)).role('developer').system(system).hours('09:00', '17:30')
    worker.on(comes, (stage) => stage.at(clock(random, '10:00', '15:00')).tool(first.id, { unattended: true }))
    worker.on({ from: comes + 1, to: goes - 1 }, (stage) => {
      driven(stage, first.log, by)
    })
    worker.on(goes, (stage) => stage.at(clock(random, '10:00', '12:00')).uninstalls(first.id))
    worker.on(returns, (stage) => {
      const moment = stage.at(clock(random, '10:00', '16:00'))
      if (variant === 'kvm') plugsIn(moment, box)
      else if (variant === 'tunnel') {
        const code = {
          windows: 'C:\\Program Files\\Microsoft VS Code\\bin\\code-tunnel.exe',
          macos: '/Applications/Visual Studio Code.app/Contents/Resources/app/bin/code-tunnel',
          linux: '/usr/share/code/bin/code-tunnel',
        }[system]
        moment
          .runs(code, `${code} tunnel --accept-server-license-terms --name ws${below(random, 900)}`)
          .saw('autostart', {
            Kind: 'service',
            Name: 'code-tunnel',
            Command: `${code} tunnel service internal-run`,
            Scope: 'user',
          })
          .saw('network_connection', {
            Image: code,
            DestinationHostname: system === 'linux' ? null : 'global.rel.tunnels.api.visualstudio.com',
          })
      } else if (variant === 'same') moment.tool(first.id, { portable: true, renamed: 'notes' })
      else moment.tool(second.id, { unattended: true })
    })
    worker.on({ from: returns + 1, to: cast.days - 1 }, (stage) => {
      if (variant === 'kvm') stage.hands(box.hands)
      else if (variant === 'tunnel') stage.hands(null)
      else driven(stage, variant === 'same' ? first.log : second.log, by)
    })
  },
}

function shuffled(random: () => number) {
  const first = pick(random, REMOTE_TOOLS.slice(0, 3))
  const second = pick(
    random,
    REMOTE_TOOLS.filter((it) => it !== first),
  )
  return [first, second] as const
}
