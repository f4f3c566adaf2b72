/** A policy with the server's signature and any content, and what the collectors then do with its folders. */
import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { findRoots, parentsOf } from '../../../agent/collectors/shared/watched-roots.ts'
import { publicKeyOf } from '../../../agent/identity.ts'
import { whyNot } from '../../../agent/install/upgrade.ts'
import { acceptPolicy, categoriesOff, changesCollection, forCollectors, slownessOf } from '../../../agent/policy.ts'
import { Fault } from '../../../wire/fault.ts'
import { signedText } from '../../../wire/messages.ts'
import { policy as before, fakeHost } from '../../agent/fake-host.ts'
import type { Target } from '../target.ts'

export const policyText: Target = {
  name: 'policy',
  shape: 'json',
  dictionary: [
    '"off":',
    '"on":',
    '"watchedRoots":',
    '"path":"~"',
    '"path":"/../.."',
    '"salt":',
    '"spoolBytes":',
    '"slower":{"software":2}',
    '"contact":',
    '"kind":"autostart"',
    '"halted":["0.2.0"]',
    '"shares":{"default":1}',
    '"version":',
  ],
  async open() {
    const { privateKey } = generateKeyPairSync('ed25519')
    const serverKey = publicKeyOf(privateKey)
    return {
      async run(input) {
        const text = input.toString('utf8')
        const signature = sign(null, Buffer.from(signedText.policy(text)), privateKey).toString('base64url')
        try {
          const policy = acceptPolicy({ text, signature }, serverKey)
          assert.ok(!categoriesOff(policy).includes('toString'))
          changesCollection(before, policy)
          assert.ok(slownessOf(['software', 'usb_device'], policy) <= 10)
          whyNot('0.2.0', null, { device: 'd-1', policy })
          const host = fakeHost({ '/home/ann/x': 'x', '/etc/passwd': 'ann:x:1000:1000::/home/ann:/bin/sh\n' })
          const roots = await findRoots(host, forCollectors(policy), ['/home/ann'], '')
          assert.ok(roots.every(({ path }) => path.startsWith('/') && path !== '/'))
          await parentsOf(host, policy, ['/home/ann'])
        } catch (cause) {
          if (!(cause instanceof Fault && cause.code === 'agent.policy')) throw cause
        }
      },
    }
  },
}
