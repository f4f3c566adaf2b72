import { clock } from '../operators.ts'
import { approves } from '../ordinary.ts'
import type { Scenario } from '../scene.ts'

/**
 * A developer uses the company's tailnet, a codespace and a tunnel of the editor, all with the company's account.
 *
 * Variants  'updated': the tailnet's client is removed, and its next version installed.
 * Source  threat model N20: the tenant. Only its command line shows with which account an editor's tunnel is signed
 *         in; for the others the contract names the tools.
 */
export const n20: Scenario = {
  id: 'N20',
  title: "a developer's tunnels",
  truth: 'benign',
  people: 1,
  days: 14,
  variants: ['updated'],
  play(cast) {
    const worker = cast.people[0]!
    worker.livesAt(cast.home('Lisbon')).role('developer').system('linux').hours('09:00', '17:30')
    const approvedBy = 'the platform team'
    worker.contract(
      approves(
        { tool: 'Tailscale', tenant: 'company.example', approvedBy },
        { tool: 'Dev tunnels (VS Code, Cursor)', tenant: 'company', approvedBy },
      ),
    )
    worker.on('workdays', (stage) => {
      const moment = stage
        .at('09:10')
        .runs('/usr/bin/tailscale', 'tailscale up --login-server=https://tailnet.company.example')
      moment.runs('/usr/sbin/tailscaled', '/usr/sbin/tailscaled --state=/var/lib/tailscale/tailscaled.state', {
        ...{ User: 'root', ParentImage: '/usr/lib/systemd/systemd' },
      })
      if (cast.variant === 'updated' && stage.day === worker.workday(6))
        stage.at('13:00').uninstalls('tailscale').wait(1).tool('tailscale', { version: '1.92.1', managed: true })
      if (stage.weekday % 2 === 0) return
      const tunnel = stage.at(clock(stage.random, '10:00', '15:00'))
      tunnel
        .runs('/usr/share/code/bin/code', 'code tunnel --name build-box --accept-server-license-terms --tenant=company')
        .saw('network_connection', {
          ...{ Image: '/usr/share/code/bin/code', DestinationHostname: 'global.rel.tunnels.api.visualstudio.com' },
        })
        .wait(40)
        .saw('network_connection', {
          Image: '/opt/google/chrome/chrome',
          DestinationHostname: 'company-web.github.dev',
        })
    })
  },
}
