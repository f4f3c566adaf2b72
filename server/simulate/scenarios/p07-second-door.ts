import { clock, driven, REMOTE_TOOLS, settingOf } from '../operators.ts'
import { between, pick } from '../random.ts'
import type { Moment, Scenario } from '../scene.ts'

/**
 * The company's own support tool is installed, as everywhere. One day a second one is added, and from then on somebody
 * works through it all day.
 *
 * Variants  'resigned': AnyDesk, renamed and signed by somebody else: its relay and its own log remain.
 *           'meshcentral': an agent of their own server, whose log is not collected: an autostart, a service, one
 *           connection that never ends, and the lack of local input remain. 'short': sessions of less than fifty
 *           minutes, some of every day.
 * Source    threat model P7, #13, #15, #27, #92.
 */
export const p07: Scenario = {
  id: 'P7',
  title: 'a second door',
  truth: 'infiltrator',
  people: 1,
  days: 16,
  variants: ['resigned', 'meshcentral', 'short'],
  play(cast) {
    const { random, variant } = cast
    const worker = cast.people[0]!
    const { claimed, vpnCity, system } = settingOf(cast)
    const tool = variant === 'resigned' ? REMOTE_TOOLS[0] : pick(random, REMOTE_TOOLS)
    const by = { id: cast.hash('operator'), from: cast.vpn('mullvad', vpnCity) }
    const day = worker.workday(4)
    worker.livesAt(cast.home(claimed)).role('developer').system(system).hours('09:00', '17:30')
    worker.on(worker.workday(0), (stage) =>
      stage
        .at('09:40')
        .saw('software', { Action: 'present', Name: 'ScreenConnect Client (company)', InstalledAt: null }),
    )
    worker.begins(day, '09:00')
    worker.on(day, (stage) => {
      const moment = stage.at(clock(random, '10:00', '16:00'))
      if (variant === 'resigned') resigned(moment, system === 'windows')
      else if (variant === 'meshcentral')
        moment.tool('meshcentral', {
          unattended: true,
          renamed: 'svcupdate',
          relay: 'assets.northlake-hosting.example',
        })
      else moment.tool(tool.id, { unattended: true })
    })
    worker.on({ from: day + 1, to: cast.days - 1 }, (stage) => {
      stage.hands(null)
      if (!stage.working || variant === 'meshcentral') return
      if (variant === 'short') {
        const moment = stage.at(clock(stage.random, '09:10', '10:00'))
        for (let nth = 0; nth < 4; nth++)
          moment.controlled(tool.log, between(stage.random, 30, 48), by).wait(between(stage.random, 30, 75))
      } else driven(stage, tool.log, by)
    })
  },
}

/** Renaming cannot hide the host it connects to. */
function resigned(moment: Moment, windows: boolean): void {
  const Image = windows ? 'C:\\ProgramData\\Brightpath\\bpsync.exe' : '/usr/local/bin/bpsync'
  const Signer = windows ? 'Brightpath Software Ltd' : null
  moment
    .runs(Image, `${Image} --service`, { Signer, Company: Signer, Product: windows ? 'Brightpath Sync' : null })
    .saw('autostart', { Name: 'Brightpath Sync', Command: `${Image} --service` })
    .saw('network_connection', {
      Image,
      DestinationHostname: 'relay-6f2c.net.anydesk.com',
      DestinationIp: '203.0.113.77',
    })
}
