import { BROWSERS, clock } from '../operators.ts'
import { approves } from '../ordinary.ts'
import type { Scenario } from '../scene.ts'

/**
 * A tester with Android emulators and a browser profile per test account; a developer of the company's wallet software,
 * whose tests query blockchains.
 *
 * Variants  'antidetect': the tester also tests the sign-up with GoLogin, which the contract allows.
 * Source    threat model N25: roles.
 */
export const n25: Scenario = {
  id: 'N25',
  title: 'emulators, profiles and wallets',
  truth: 'benign',
  people: 2,
  days: 14,
  variants: ['antidetect'],
  play(cast) {
    const [tester, chain] = cast.people
    tester!.livesAt(cast.home('Bengaluru')).role('developer').system('windows').hours('09:30', '18:30')
    tester!.contract({
      roles: ['developer', 'qa'],
      ...approves(
        { tool: 'Android emulators (BlueStacks, Nox, LDPlayer, MEmu)', approvedBy: 'the head of QA', ticket: 'QA-2' },
        ...(cast.variant === 'antidetect' ? [{ tool: 'GoLogin', approvedBy: 'the head of QA', ticket: 'QA-5' }] : []),
      ),
    })
    tester!.on('workdays', (stage) => {
      const moment = stage.at(clock(stage.random, '10:00', '11:00'))
      moment.tool('android-emulators-bluestacks-nox-ldplayer-memu', { installed: true })
      for (let nth = 1; nth <= 6; nth++)
        moment.wait(20).runs(BROWSERS.windows, `"${BROWSERS.windows}" --profile-directory="Profile ${nth}"`)
      if (cast.variant === 'antidetect') moment.tool('gologin', { installed: stage.day > tester!.workday(0) })
    })
    chain!.livesAt(cast.home('Lisbon')).role('developer').system('macos').hours('09:30', '18:00')
    chain!.contract({
      roles: ['developer', 'web3'],
      ...approves({ tool: 'MetaMask', approvedBy: 'the head of wallets', ticket: 'W-1' }),
    })
    chain!.on(chain!.workday(2), (stage) =>
      stage.at('10:00').saw('software', {
        ...{ Name: 'MetaMask', Kind: 'browser_extension', Identifier: 'nkbihfbeogaeaoehlefnkodbefgpgknn' },
      }),
    )
    chain!.on('workdays', (stage) => {
      const moment = stage.at(clock(stage.random, '11:00', '16:00'))
      moment.runs('/opt/homebrew/bin/node', 'node test/chain.test.js')
      for (const DestinationHostname of ['api.trongrid.io', 'bsc-dataseed.binance.org', 'mainnet.infura.io'])
        moment.saw('network_connection', { Image: '/opt/homebrew/bin/node', DestinationHostname })
    })
  },
}
