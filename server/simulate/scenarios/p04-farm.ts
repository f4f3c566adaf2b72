import { jiggles, kvm, plugsIn } from '../kvms.ts'
import { clock, driven, settingOf } from '../operators.ts'
import { pick } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * Three laptops side by side in one house, driven through remote-control tools by people elsewhere.
 *
 * Variants  'kvm': an IP-KVM on each instead of a tool: no program and no session, but hardware. 'slow': the laptops
 *           come two weeks apart, each with another tool, and are driven by different people: the house remains.
 * Source    threat model P4; Chapman and Knoot in section 1.3; #13, #14, #27, #56, #57.
 */
export const p04: Scenario = {
  id: 'P4',
  title: 'a laptop farm',
  truth: 'infiltrator',
  people: 3,
  days: 14,
  variants: ['kvm', 'slow'],
  play(cast) {
    const { random, variant } = cast
    const { house, vpnCity } = settingOf(cast)
    const home = cast.home(house, { monitors: [] })
    const claimed = ['Phoenix', 'Las Vegas', 'Denver']
    const tools = [
      { id: 'anydesk', log: 'AnyDesk' },
      { id: 'rustdesk', log: 'RustDesk' },
      { id: 'teamviewer', log: 'TeamViewer' },
    ]
    const boxes = pick(random, ['tinypilot', 'pikvm', 'jetkvm'] as const)
    for (const [nth, worker] of cast.people.entries()) {
      const day = worker.workday(variant === 'slow' ? nth * 10 : nth)
      const boot = clock(random, '09:30', '10:30')
      worker.claims(claimed[nth]!).livesAt(home).role('developer').neverSleeps()
      worker
        .system(pick(random, ['windows', 'macos']))
        .hours('08:30', '17:30')
        .joins(day, boot)
        .begins(day, boot)
      if (variant === 'kvm') {
        const box = kvm(boxes, cast.hash(`kvm ${nth}`, 12))
        worker.on(day, (stage) => void plugsIn(stage.at(boot).wait(20), box))
        worker.on({ from: day + 1, to: cast.days - 1 }, (stage) => {
          stage.hands(box.hands)
          jiggles(stage, box, 20, 24)
        })
        continue
      }
      const tool = tools[variant === 'slow' ? nth : nth % 2]!
      const operator = cast.hash(variant === 'slow' ? `operator ${nth}` : 'operator')
      const from = cast.vpn(variant === 'slow' && nth > 0 ? 'mullvad' : 'astrill', vpnCity)
      worker.on(day, (stage) => stage.at(boot).wait(25).tool(tool.id, { unattended: true }))
      worker.on({ from: day + 1, to: cast.days - 1 }, (stage) => driven(stage, tool.log, { id: operator, from }))
    }
  },
}
