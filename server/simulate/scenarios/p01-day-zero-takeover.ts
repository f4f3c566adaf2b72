import { clock, driven, looksRound, REMOTE_TOOLS, settingOf } from '../operators.ts'
import { below, between, pick } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * An accomplice unpacks a new laptop and hands it over through remote control within the hour; the operator looks
 * around and hides behind a VPN. From the next day on the worker is elsewhere.
 *
 * Variants  'portable': a renamed download without installation, and no VPN: its signature, its relay and the sessions
 *           remain. 'relay': RustDesk over a relay of their own: no vendor's host is ever dialled. 'spread': one step
 *           each evening, over two days.
 * Source    threat model P1; Knoot and KnowBe4 in section 1.3; #14, #24, #44, #107.
 */
export const p01: Scenario = {
  id: 'P1',
  title: 'a takeover on the first day',
  truth: 'infiltrator',
  people: 1,
  days: 10,
  variants: ['portable', 'relay', 'spread'],
  play(cast) {
    const { random, variant } = cast
    const worker = cast.people[0]!
    const { claimed, vpnCity, system } = settingOf(cast)
    const tool = variant === 'relay' ? REMOTE_TOOLS[2] : pick(random, REMOTE_TOOLS.slice(0, 3))
    const exit = cast.vpn('astrill', vpnCity)
    const day = worker.workday(1 + below(random, 2))
    const boot = clock(random, '09:20', '10:40')
    const vpnAt = clock(random, '14:30', '16:30')
    worker
      .claims(claimed)
      .livesAt(cast.home(claimed, { monitors: [] }))
      .role('developer')
      .system(system)
    worker.neverSleeps().hours('09:00', '17:30').joins(day, boot)

    const how = {
      unattended: true,
      ...(variant === 'portable' && {
        portable: true,
        renamed: pick(random, ['updater', 'printhelper', 'wifi-setup']),
      }),
      ...(variant === 'relay' && { relay: `rd${below(random, 90)}.northlake-hosting.example` }),
    }
    if (variant === 'spread') {
      worker.on(day, (stage) => stage.at(clock(random, '20:00', '22:30')).tool(tool.id, how))
      worker.on(day + 1, (stage) => {
        looksRound(stage.at(clock(random, '20:30', '21:30')), system, random)
          .wait(60)
          .tool('astrill')
      })
    } else
      worker.on(day, (stage) => {
        const moment = stage
          .at(boot)
          .wait(between(random, 12, 55))
          .tool(tool.id, how)
        looksRound(moment.wait(between(random, 2, 10)), system, random)
        if (variant !== 'portable') stage.at(vpnAt).tool('astrill')
      })
    const hidden = variant === 'spread' ? day + 2 : day + 1
    worker.on({ from: hidden, to: cast.days - 1 }, (stage) => {
      if (variant !== 'portable') stage.tunnels(exit)
      driven(stage, tool.log, { id: cast.hash('operator'), from: exit })
    })
    if (variant !== 'portable' && variant !== 'spread') worker.on(day, (stage) => stage.tunnels(exit, vpnAt, '24:00'))
  },
}
