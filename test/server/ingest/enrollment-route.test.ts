import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Enrollment } from '../../../server/ingest/enrollment.ts'
import { ENROLL_PATH, type EnrollmentRouteDeps, enrollmentRoute } from '../../../server/ingest/enrollment-route.ts'
import { Fault } from '../../../wire/fault.ts'

const REPLY = { device: 'd-1', serverKey: 'AAAA', policy: { text: '{}', signature: 'AAAA' }, signature: 'AAAA' }
const ENROLLED: Enrollment = {
  reply: REPLY,
  records: [{ type: 'device', device: 'd-1', worker: 'w1', from: 1, to: null, firstBoot: 1 }],
}

describe('the enrollment route', () => {
  let http: Server
  let url: string
  let asked: unknown[]
  let published: unknown[]
  let codes: string[]
  let errors: unknown[]
  let deps: EnrollmentRouteDeps

  beforeEach(async () => {
    asked = []
    published = []
    codes = []
    errors = []
    deps = {
      async enroll(request, address) {
        asked.push(request, address)
        return ENROLLED
      },
      publish: async (records) => void published.push(...records),
      trustedProxies: [],
      refused: (code) => void codes.push(code),
      onError: (cause) => void errors.push(cause),
    }
    http = createServer((request, response) => void enrollmentRoute(deps)(request, response))
    http.listen(0, '127.0.0.1')
    await once(http, 'listening')
    url = `http://127.0.0.1:${(http.address() as AddressInfo).port}${ENROLL_PATH}`
  })
  afterEach(() => {
    http.closeAllConnections()
    http.close()
  })

  const post = async (body: string, headers: Record<string, string> = {}) => {
    const response = await fetch(url, { method: 'POST', body, headers })
    return { status: response.status, body: await response.json() }
  }

  it('answers once the enrollment is durable', async () => {
    assert.deepEqual(await post('{"wire":1}'), { status: 200, body: REPLY })
    assert.deepEqual(asked, [{ wire: 1 }, '127.0.0.1'])
    assert.deepEqual(published, ENROLLED.records)
    assert.deepEqual(codes, [])
  })

  it('uses the address behind a trusted proxy', async () => {
    deps.trustedProxies = ['127.0.0.1']
    await post('{}', { 'X-Forwarded-For': '203.0.113.9' })
    assert.equal(asked[1], '203.0.113.9')
  })

  const about = (code: string, where: string | null) => ({ code, where })
  const refused: {
    what: string
    body?: string
    deps?: Partial<EnrollmentRouteDeps>
    status: number
    is: { code: string; where: string | null }
    /** Whether it is reported to the server's log. */
    errors?: number
  }[] = [
    { what: 'text that is not JSON', body: '{"wire":', status: 400, is: about('enroll.malformed', 'body') },
    { what: 'a body that is too long', body: ' '.repeat(16_385), status: 413, is: about('wire.oversize', 'body') },
    {
      what: 'a used token',
      deps: { enroll: () => Promise.reject(new Fault('enroll.token')) },
      status: 400,
      is: about('enroll.token', null),
    },
    {
      what: 'too many tries',
      deps: { enroll: () => Promise.reject(new Fault('rate.exceeded')) },
      status: 429,
      is: about('rate.exceeded', null),
    },
    {
      what: 'a laptop while the disk is full',
      deps: { publish: () => Promise.reject(new Fault('server.busy')) },
      status: 503,
      is: about('server.busy', null),
    },
    {
      what: 'a laptop while the store is damaged, without naming the file',
      deps: { enroll: () => Promise.reject(new Fault('store.damaged', { where: '/var/lib/tellwire/state.db' })) },
      status: 500,
      is: about('api.failed', null),
      errors: 1,
    },
    {
      what: 'a laptop after an internal error',
      deps: { enroll: () => Promise.reject(new TypeError('x is not a function')) },
      status: 500,
      is: about('api.failed', null),
      errors: 1,
    },
  ]
  for (const { what, body = '{}', deps: other, status, is, errors: logged = 0 } of refused)
    it(`refuses ${what}: ${status} ${is.code}`, async () => {
      deps = { ...deps, ...other }
      const answer = await post(body)
      assert.deepEqual([answer.status, about(answer.body.code, answer.body.where)], [status, is])
      assert.deepEqual(codes, [is.code])
      assert.equal(errors.length, logged)
      assert.deepEqual(published, [])
    })

  it('refuses other methods: 404', async () => {
    const response = await fetch(url)
    assert.deepEqual([response.status, (await response.json()).code], [404, 'api.notfound'])
  })
})
