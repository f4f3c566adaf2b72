import type { Scenario } from '../scene.ts'

/**
 * Three laptops in one house, one beside the other, driven through remote-control tools by people who are elsewhere.
 *
 * Variants  'kvm': an IP-KVM on each instead of a tool. 'slow': the laptops come two weeks apart.
 * Source    threat model section 1.3 (Chapman, Knoot), signals #13, #14, #27, #56, #57.
 */
export const p04: Scenario = {
  id: 'P4',
  title: 'a laptop farm',
  truth: 'infiltrator',
  people: 3,
  days: 14,
  variants: ['kvm', 'slow'],
  play(cast) {
    const house = cast.home('Phoenix', { monitors: [] })
    const claimed = ['Phoenix', 'Las Vegas', 'Denver']
    for (const [nth, worker] of cast.people.entries()) {
      const day = worker.workday(cast.variant === 'slow' ? nth * 10 : nth)
      worker.claims(claimed[nth]!).livesAt(house).role('developer').neverSleeps()
      worker.hours('08:30', '17:30').joins(day, '10:00').begins(day, '10:00')
      worker.on(day, (stage) => {
        if (cast.variant === 'kvm') {
          stage
            .at('10:40')
            .saw('usb_device', {
              VendorId: '1d6b',
              ProductId: '0104',
              Manufacturer: 'JetKVM',
              ProductName: 'USB Emulation Device',
              SerialNumber: cast.hash(`kvm ${nth}`, 16),
              InterfaceClasses: ['03', '03', '03', '08'],
              HasAbsolutePointer: true,
              HasStorage: true,
            })
            .saw('display', {
              MakerId: 'TSB',
              ProductCode: '0x8801',
              MonitorName: 'T749-fHD720',
              WidthMm: 0,
              HeightMm: 0,
            })
        } else stage.at('10:40').tool(nth === 1 ? 'rustdesk' : 'anydesk', { unattended: true })
      })
      worker.on('workdays', (stage) => {
        if (stage.tenure < 1 || cast.variant === 'kvm') return
        const tool = nth === 1 ? 'RustDesk' : 'AnyDesk'
        const start = stage.at('08:35').saw(
          'remote_session',
          {
            Tool: tool,
            PeerIdHash: cast.hash('controller'),
            Unattended: true,
          },
          cast.vpn('astrill', 'Los Angeles'),
        )
        start.wait(8 * 60).saw('power_state', { LidClosed: true })
      })
    }
  },
}
