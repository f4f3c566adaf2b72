import { anySystem } from '../ordinary.ts'
import type { Scenario } from '../scene.ts'

/**
 * A new laptop: the fleet's management prepares it for two hours, and installs its own agent ten minutes after the
 * first boot, before anybody has logged on. No contract names that agent.
 *
 * Variants  'again': the installation fails, is rolled back and is repeated after a restart. 'by-hand': somebody
 *           installs AnyDesk in the minute of their first logon; the threat model says that this one must alert.
 * Source    threat model N3.
 */
export const n03: Scenario = {
  id: 'N3',
  title: 'a laptop is provisioned',
  truth: 'benign',
  people: 1,
  days: 10,
  variants: ['again', 'by-hand'],
  play(cast) {
    const { random, variant } = cast
    const worker = cast.people[0]!
    const system = anySystem(random)
    worker.livesAt(cast.home('Dublin')).system(system).hours('09:00', '17:30')
    const first = worker.workday(2)
    worker.joins(first, '08:00', '10:00')
    worker.on(first, (stage) => {
      stage.awake('08:00', '10:00')
      const moment = stage.at('08:10').tool(AGENT, { managed: true })
      if (variant === 'again') moment.wait(6).uninstalls(AGENT).wait(4).tool(AGENT, { managed: true })
      if (variant === 'by-hand') stage.at('10:00').tool('anydesk')
    })
    worker.on('workdays', (stage) => {
      if (stage.day > first) stage.at('09:25').tool(AGENT, { installed: true, managed: true })
    })
  },
}

const AGENT = 'ninjaone-ninjarmm'
