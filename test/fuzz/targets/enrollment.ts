/** The body of an enrollment request, on a real HTTP server. A third of the inputs is signed again after a change. */
import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { enrollment } from '../../../server/ingest/enrollment.ts'
import { ENROLL_PATH, enrollmentRoute } from '../../../server/ingest/enrollment-route.ts'
import { serverKeys } from '../../../server/ingest/identity.ts'
import { memoryStore } from '../../../server/store/memory/store.ts'
import { FAULTS } from '../../../wire/fault.ts'
import { EnrollReply, signedText } from '../../../wire/messages.ts'
import { policy } from '../../agent/fake-host.ts'
import type { Opened, Target } from '../target.ts'

const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const KEY = publicKey.export({ format: 'jwk' }).x!

export const enrollmentRequest: Target = {
  name: 'enrollment',
  shape: 'json',
  dictionary: ['"secret":', '"publicKey":', '"nonce":', '"signature":', '"firstBoot":', '"wire":', KEY, '__proto__'],
  /** Puts a valid signature on whatever the fields are. */
  mutate(input) {
    try {
      const body = { ...JSON.parse(input.toString('utf8')), publicKey: KEY }
      const text = signedText.enrollRequest(body.nonce, body.secret, body.publicKey)
      return Buffer.from(
        JSON.stringify({ ...body, signature: sign(null, Buffer.from(text), privateKey).toString('base64url') }),
      )
    } catch {
      return input
    }
  },
  open,
}

async function open(): Promise<Opened> {
  const store = memoryStore()
  const keys = await serverKeys(store.values, randomBytes)
  const now = () => Date.UTC(2026, 10, 22)
  const errors: unknown[] = []
  let published = 0
  const enroll = enrollment({ store, keys, policy: () => policy, now, tries: () => ({ take: () => true }) as never })
  const route = enrollmentRoute({
    enroll,
    publish: async (records) => void (published += records.length),
    trustedProxies: [],
    refused: () => {},
    onError: (cause) => errors.push(cause),
  })
  const http = createServer((request, response) => void route(request, response))
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}${ENROLL_PATH}`
  return {
    async run(input) {
      const before = published
      const response = await fetch(url, { method: 'POST', body: new Uint8Array(input) })
      const answer = (await response.json()) as { code: keyof typeof FAULTS; todo: string }
      if (response.status === 200) assert.ok(EnrollReply.safeParse(answer).success && published === before + 1)
      else {
        assert.ok(response.status >= 400 && response.status < 500, `status ${response.status}: ${errors.at(-1)}`)
        assert.ok(answer.code in FAULTS && published === before)
        assert.ok(!JSON.stringify(answer).includes('/'), 'no path in the answer')
      }
      assert.deepEqual(errors, [])
    },
    async close() {
      http.closeAllConnections()
      await new Promise((resolve) => http.close(resolve))
    },
  }
}
