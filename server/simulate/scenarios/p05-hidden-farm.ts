import { clock, driven, REMOTE_TOOLS, settingOf } from '../operators.ts'
import { below, pick } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * Three laptops in one house that look like three houses: each is behind a VPN of its own, in the city that its worker
 * claims. They share the Wi-Fi, one monitor behind a switch, and the operator.
 *
 * Variants  'routers': each behind a travel router: own gateway, own Wi-Fi. The monitor and the operator remain.
 *           'controller': no monitor either: only the operator is the same. 'monitor': own routers, and a tool whose
 *           log names nobody: only the monitor is the same.
 * Source    threat model P5, #26, #42, #46, #57; farms of several dozen machines in section 1.3.
 */
export const p05: Scenario = {
  id: 'P5',
  title: 'a farm that looks like three homes',
  truth: 'infiltrator',
  people: 3,
  days: 18,
  variants: ['routers', 'controller', 'monitor'],
  play(cast) {
    const { random, variant } = cast
    const { house } = settingOf(cast)
    const tool = pick(random, REMOTE_TOOLS.slice(0, 3))
    const monitors = variant === 'controller' ? [] : [cast.monitor('behind the switch')]
    const shared = cast.home(house, { monitors })
    const claims = ['Denver', 'Chicago', 'Seattle']
    const providers = ['astrill', 'mullvad', 'nordvpn']
    for (const [nth, worker] of cast.people.entries()) {
      const exit = cast.vpn(providers[nth]!, claims[nth]!)
      const own = cast.home(house, { name: `router ${nth}`, monitors, exit })
      const day = worker.workday(nth * 2 + below(random, 2))
      const boot = clock(random, '09:30', '11:00')
      worker
        .claims(claims[nth]!)
        .livesAt(variant === null ? shared : own)
        .role('developer')
        .neverSleeps()
      worker
        .system(pick(random, ['windows', 'macos']))
        .hours('09:00', '17:30')
        .joins(day, boot)
        .begins(day, boot)
      const watched = variant !== 'monitor'
      worker.on(day, (stage) => {
        const moment = stage.at(clock(random, '11:30', '13:00'))
        if (watched) moment.tool(tool.id, { unattended: true })
        else moment.tool('splashtop')
        if (variant === null) moment.tool(nth === 0 ? 'astrill' : nth === 1 ? 'mullvad-vpn' : 'nordvpn')
      })
      if (variant === null) {
        worker.on(day, (stage) => stage.tunnels(exit, '13:30', '24:00'))
        worker.on({ from: day + 1, to: cast.days - 1 }, (stage) => stage.tunnels(exit))
      }
      worker.on({ from: day + 1, to: cast.days - 1 }, (stage) => {
        if (watched) driven(stage, tool.log, { id: cast.hash('operator'), from: cast.vpn('astrill', 'Los Angeles') })
        else stage.hands(null)
      })
    }
  },
}
