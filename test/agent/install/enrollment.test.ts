import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { agentPaths } from '../../../agent/config.ts'
import { waitForEnrollment } from '../../../agent/install/enrollment.ts'
import { placesOf } from '../../../agent/install/places.ts'
import { ringOf } from '../../../agent/install/upgrade.ts'
import { Fault } from '../../../wire/fault.ts'
import { removeFolder, temporaryFolder } from '../laptop.ts'

describe('agent/install: enrollment without anybody there', () => {
  let folder: string
  beforeEach(() => {
    folder = temporaryFolder()
  })
  afterEach(() => removeFolder(folder))

  /** `answers`: what each attempt throws; null enrolls. The token appears after `tokenAfter` looks. */
  async function wait(answers: (Fault | null)[], tokenAfter = 0) {
    const places = {
      enrollment: join(folder, 'enrollment'),
      ca: join(folder, 'ca.crt'),
      managed: join(folder, 'managed.plist'),
    }
    const tried: string[] = []
    const slept: number[] = []
    const put = () => writeFileSync(places.enrollment, 'tw1.abc\n')
    if (tokenAfter === 0) put()
    await waitForEnrollment(
      {
        folder,
        places,
        random: () => 0.5,
        log: { info: () => {}, warn: () => {} },
        async sleep(ms) {
          slept.push(ms)
          if (slept.length === tokenAfter) put()
        },
        async enroll(token) {
          tried.push(token)
          const answer = answers[tried.length - 1]
          if (answer) throw answer
          mkdirSync(dirname(agentPaths(folder).config), { recursive: true })
          writeFileSync(agentPaths(folder).config, '{}')
        },
      },
      new AbortController().signal,
    )
    return { tried, slept, isKept: existsSync(places.enrollment) }
  }

  it('uses the token once, and removes it', async () =>
    assert.deepEqual(await wait([null]), { tried: ['tw1.abc'], slept: [], isKept: false }))

  it('waits for a token', async () =>
    assert.deepEqual(await wait([null], 2), { tried: ['tw1.abc'], slept: [15_000, 15_000], isKept: false }))

  it('tries an unreachable server soon, ever more slowly', async () => {
    const { slept } = await wait([new Fault('agent.unreachable'), new Fault('agent.unreachable'), null])
    assert.deepEqual(slept, [5_000, 10_000])
  })

  it('tries a refused token hourly', async () => {
    const { slept } = await wait([new Fault('enroll.token'), null])
    assert.deepEqual(slept, [2_700_000])
  })

  it('gives up when it cannot write', async () =>
    assert.rejects(wait([new Fault('store.unwritable')]), /The data folder cannot be written/))

  const profile = (values: Record<string, string>) =>
    writeFileSync(
      join(folder, 'managed.plist'),
      `<plist><dict>${Object.entries(values)
        .map(([name, value]) => `<key>${name}</key><string>${value}</string>`)
        .join('')}</dict></plist>`,
    )

  it('takes the token and the authority of a configuration profile', async () => {
    profile({ EnrollmentToken: 'tw1.managed', CertificateAuthority: '-----BEGIN CERTIFICATE-----' })
    assert.deepEqual((await wait([null], 9)).tried, ['tw1.managed'])
    assert.equal(readFileSync(join(folder, 'ca.crt'), 'utf8'), '-----BEGIN CERTIFICATE-----\n')
  })

  it("a token in the file goes before the profile's", async () => {
    profile({ EnrollmentToken: 'tw1.managed' })
    assert.deepEqual((await wait([null])).tried, ['tw1.abc'])
  })

  it("the ring of a profile goes before the file's; one that is none, or a damaged list, sets nothing", () => {
    const places = { ...placesOf('macos'), ring: join(folder, 'ring'), managed: join(folder, 'managed.plist') }
    writeFileSync(places.ring, 'local\n')
    const rings = [{ Ring: 'canary' }, { Ring: 'No Ring!' }, {}].map((it) => {
      profile(it)
      return ringOf(places)
    })
    writeFileSync(places.managed, 'no list')
    assert.deepEqual([...rings, ringOf(places)], ['canary', 'local', 'local', 'local'])
  })
})
