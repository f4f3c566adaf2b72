import { pick } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * Somebody wants privacy from their provider, and has used a VPN for years: always on, always in their own country.
 *
 * Variants  'wandering': its exit is in another city every week, and one evening in Toronto.
 * Source    threat model N6: stable, in the contract's country, no signal of another family.
 */
export const n06: Scenario = {
  id: 'N6',
  title: 'a privacy VPN',
  truth: 'benign',
  people: 1,
  days: 14,
  variants: ['wandering'],
  play(cast) {
    const { random, variant } = cast
    const worker = cast.people[0]!
    const [provider, tool] = pick(random, [
      ['mullvad', 'mullvad-vpn'],
      ['proton', 'proton-vpn'],
    ] as const)
    worker.livesAt(cast.home('Chicago')).role('developer').hours('09:00', '17:30')
    const odd = worker.workday(8)
    worker.on(0, (stage) => stage.at('08:50').tool(tool, { installed: true }))
    worker.on('every', (stage) => {
      const week = Math.floor(stage.day / 7)
      const city = variant === 'wandering' ? ['Chicago', 'Dallas', 'Seattle', 'Miami'][week % 4]! : 'Chicago'
      stage.tunnels(cast.vpn(provider, city), '00:00', '30:00')
      if (variant === 'wandering' && stage.day === odd) stage.tunnels(cast.vpn(provider, 'Toronto'), '15:00', '24:00')
    })
  },
}
