import { clock } from '../operators.ts'
import { midnight } from '../ordinary.ts'
import { pick } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * Ten days of announced travel with an eSIM bought on the internet: wherever the phone is, it comes out of the eSIM's
 * home network, in a third country. It approves the laptop's sign-ins, and sometimes signs in itself.
 *
 * Variants  'hotspot': the hotel's Wi-Fi is bad, so on some days the laptop is behind the phone too. 'home': no journey;
 *           the eSIM was kept, because it is cheaper.
 * Source    judgement section 8, N30. Roaming data is carried home (GSMA's home-routed roaming); resellers' networks
 *           are of Singapore, Poland and Hong Kong (general knowledge).
 */
export const n30: Scenario = {
  id: 'N30',
  title: 'a travel eSIM',
  truth: 'benign',
  people: 1,
  days: 19,
  variants: ['hotspot', 'home'],
  play(cast) {
    const { random, variant } = cast
    const worker = cast.people[0]!
    const phone = cast.hash('own telephone')
    const [network, asn, asName] = pick(random, [
      ['Singapore', 4_773, 'MobileOne'],
      ['Warsaw', 8_374, 'Polkomtel'],
    ] as const)
    const esim = cast.exit(network, { name: 'esim', class: 'mobile', asn, asName })
    const home = pick(random, ['Boston', 'Chicago', 'Manchester'] as const)
    worker.livesAt(cast.home(home)).role('sales').hours('09:00', '17:30').approvesWith(phone)
    const [from, to] = [worker.workday(4), worker.workday(4) + 9]
    const city = pick(random, ['Lisbon', 'Paris', 'Madrid'] as const)
    const hotel = cast.site('public', city, { name: 'hotel' })
    const isAway = variant !== 'home'
    if (isAway) {
      const country = city === 'Lisbon' ? 'PT' : city === 'Paris' ? 'FR' : 'ES'
      const notice = { from: midnight(cast, from - 1), to: midnight(cast, to + 1), country, approvedBy: 'a manager' }
      worker.amends(Math.max(0, from - 3), { travelNotices: [notice] })
    }
    worker.on({ from, to }, (stage) => {
      const behind = { ...cast.site('mobile', city, { name: 'phone' }), exit: esim }
      if (isAway) stage.sits(variant === 'hotspot' && stage.day % 3 === 0 ? behind : hotel, '00:00', '30:00')
      if (!stage.working) return
      // Afternoon there is the morning at home.
      if (isAway) stage.works('03:00', '07:00').works('08:00', '11:30')
      const moment = stage.at(isAway ? clock(stage.random, '03:05', '03:40') : clock(stage.random, '09:05', '09:40'))
      moment.feed(
        'idp_login',
        {
          ...{ DeviceId: worker.device, ManagedDevice: true, Mobile: false, MfaDeviceHash: phone },
          ...{ MfaIp: esim.address, MfaCountry: esim.geo.country },
        },
        isAway ? hotel.exit : cast.home(home).exit,
      )
      if (stage.day % 2 === 0)
        moment
          .wait(90)
          .feed('idp_login', { App: 'mail', Mobile: true, ManagedDevice: false, MfaDeviceHash: phone }, esim)
    })
    if (isAway) worker.on(to + 1, (stage) => stage.rests())
  },
}
