import assert from 'node:assert/strict'
import { sign } from 'node:crypto'
import { newKey, publicKeyOf } from '../../../agent/identity.ts'
import { checkToken } from '../../../agent/install/uninstall.ts'
import { makeUninstallToken } from '../../../server/ingest/enrollment.ts'
import { DEVICE } from '../server.ts'

const NOW = Date.UTC(2026, 10, 30)
const key = newKey()
const signer = (of = key) => ({ sign: (text: string) => sign(null, Buffer.from(text), of).toString('base64url') })
const config = { url: 'https://t.example/', serverKey: publicKeyOf(key), device: DEVICE, ca: null }

describe('agent/install: tokens for removal', () => {
  const good = makeUninstallToken(DEVICE, NOW + 1, signer())
  const cases = [
    { name: 'of its server, for this laptop', token: good, why: null },
    { name: 'none', token: null, why: /There is none/ },
    { name: 'cut off', token: good.slice(0, -9), why: /incomplete or mistyped|did not make it/ },
    { name: 'for enrolling', token: 'tw1.e30', why: /incomplete or mistyped/ },
    { name: 'expired', token: makeUninstallToken(DEVICE, NOW - 1, signer()), why: /It has expired/ },
    { name: 'for another laptop', token: makeUninstallToken('d-other', NOW + 1, signer()), why: /did not make it/ },
    { name: 'of another server', token: makeUninstallToken(DEVICE, NOW + 1, signer(newKey())), why: /did not make it/ },
  ]
  for (const { name, token, why } of cases)
    it(name, () => {
      if (why === null) assert.doesNotThrow(() => checkToken(token, config, NOW))
      else assert.throws(() => checkToken(token, config, NOW), why)
    })
})
