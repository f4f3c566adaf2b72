import type { Scenario } from '../scene.ts'

/**
 * Three silent laptops: a week's holiday, a flight of fourteen hours with work on board, and an unannounced stay in
 * hospital.
 *
 * Variants  'mail': the patient reads mails on their phone.
 * Source    threat model N24: no activity at the identity provider or in repositories in the meantime.
 */
export const n24: Scenario = {
  id: 'N24',
  title: 'asleep, in the air, in hospital',
  truth: 'benign',
  people: 3,
  days: 19,
  variants: ['mail'],
  play(cast) {
    const [holiday, flight, patient] = cast.people
    holiday!.livesAt(cast.home('Paris'))
    const from = holiday!.workday(5)
    holiday!.on({ from, to: from + 8 }, (stage) => stage.rests())
    flight!.livesAt(cast.home('San Francisco')).role('developer').hours('09:00', '17:30')
    flight!.on(flight!.workday(6), (stage) => {
      stage.works('09:00', '11:00').works('13:30', '15:00').works('19:00', '23:00').offline('11:30', 14)
    })
    flight!.on(flight!.workday(6) + 1, (stage) => stage.rests())
    patient!.livesAt(cast.home('Chicago')).role('developer').hours('09:00', '17:30')
    const ill = patient!.workday(7)
    patient!.on(ill, (stage) => stage.works('09:00', '11:20'))
    patient!.on({ from: ill + 1, to: ill + 6 }, (stage) => {
      stage.rests()
      if (cast.variant !== 'mail' || stage.day < ill + 3) return
      const phone = cast.exit('Chicago', { name: 'telephone', class: 'mobile' })
      stage.at('15:00').feed('idp_login', { ManagedDevice: false, Mobile: true, App: 'mail' }, phone)
    })
  },
}
