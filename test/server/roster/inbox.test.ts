import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Contracts } from '../../../server/roster/contracts.ts'
import { answerTo, deliver, importInbox, takeInbox } from '../../../server/roster/inbox.ts'
import { notTested } from '../../not-tested.ts'

const NOW = Date.parse('2026-11-22T10:00:00Z')
const contract = (worker: string) => ({ worker, from: NOW })

describe('the inbox', () => {
  let inbox: string
  beforeEach(async () => {
    inbox = join(await mkdtemp(join(tmpdir(), 'tellwire-inbox-')), 'inbox')
  })
  afterEach(() => rm(join(inbox, '..'), { recursive: true }))

  it('a roster is read as it was delivered, and answered', async () => {
    const name = await deliver(inbox, { contracts: [contract('w1')], devices: [] }, NOW)
    assert.equal((await stat(join(inbox, name))).mode & 0o077, 0)
    assert.equal(await answerTo(inbox, name), null)
    const taken = []
    for await (const { roster, done } of takeInbox(inbox)) {
      for await (const part of roster.parts()) taken.push(part)
      await done()
    }
    assert.deepEqual(taken, [{ contracts: [contract('w1')], devices: [] }])
    assert.deepEqual(await answerTo(inbox, name), { failed: null })
    for await (const item of takeInbox(inbox)) assert.fail(`${item.file} came again`)
  })

  it('unanswered files are read again, in the order of delivery', async () => {
    await deliver(inbox, { contracts: [contract('w2')], devices: [] }, NOW + 1)
    await deliver(inbox, { contracts: [contract('w1')], devices: [] }, NOW)
    for (let look = 0; look < 2; look++) {
      const workers = []
      for await (const { roster } of takeInbox(inbox))
        for await (const { contracts } of roster.parts()) workers.push(contracts[0]?.worker)
      assert.deepEqual(workers, ['w1', 'w2'])
    }
  })

  it('a refusal carries its reason', async () => {
    const name = await deliver(inbox, { contracts: [contract('w1')], devices: [] }, NOW)
    for await (const { fail } of takeInbox(inbox)) await fail('the disk is full')
    assert.deepEqual(await answerTo(inbox, name), { failed: 'the disk is full' })
  })

  it('a pipe fails, and keeps no roster back', async function () {
    await mkdir(inbox, { recursive: true })
    if (spawnSync('mkfifo', [join(inbox, 'roster-1-pipe.json')]).status !== 0)
      notTested(this, 'mkfifo is not installed')
    const name = await deliver(inbox, { contracts: [contract('w1')], devices: [] }, NOW)
    for await (const { done } of takeInbox(inbox)) await done()
    assert.deepEqual(await answerTo(inbox, 'roster-1-pipe.json'), { failed: 'It is not a file.' })
    assert.deepEqual(await answerTo(inbox, name), { failed: null })
  })

  const filler = JSON.stringify(Array.from({ length: 500 }, (_, n) => contract(`w${n}`))).slice(1, -1)
  for (const [what, text, reason] of [
    ['no JSON', 'roster', /^It is not JSON: /],
    ['another shape', '{"contracts":[]}', /^It is not an object with contracts/],
    ['a bad entry', '{"contracts":[{"worker":"w 1","from":1}],"devices":[]}', /^contracts\.0\.worker: /],
    ['a bad laptop', '{"contracts":[],"devices":[{"device":7}]}', /^devices\.0\.device: /],
    [
      'a bad entry in a large file',
      `{"contracts":[${filler},{"worker":"w 1"}],"devices":[]}`,
      /^contracts\.500\.worker: /,
    ],
    ['a large file that was cut short', `{"contracts":[${filler},`, /^It is not JSON: /],
    ['a folder', null, /^It is not a file\./],
  ] as const)
    it(`${what} fails and is not imported`, async () => {
      await mkdir(inbox, { recursive: true })
      const name = 'roster-1-bad.json'
      await (text === null ? mkdir(join(inbox, name)) : writeFile(join(inbox, name), text))
      await deliver(inbox, { contracts: [contract('w1')], devices: [] }, NOW)
      const workers = []
      for await (const { roster } of takeInbox(inbox))
        for await (const { contracts } of roster.parts()) workers.push(contracts[0]?.worker)
      assert.deepEqual(workers, ['w1'])
      assert.match((await answerTo(inbox, name))?.failed ?? '', reason)
    })

  it('is empty without a folder, and ignores other files', async () => {
    for await (const item of takeInbox(inbox)) assert.fail(item.file)
    await mkdir(inbox, { recursive: true })
    for (const name of ['.roster-1-a.json.draft', 'notes.txt', 'roster-.txt']) await writeFile(join(inbox, name), '{}')
    for await (const item of takeInbox(inbox)) assert.fail(item.file)
    assert.equal((await readdir(inbox)).length, 3)
  })

  const names = (count: number) => Array.from({ length: count }, (_, n) => contract(`w${n}`))
  const imported = async (take: Contracts['take'], signal = new AbortController().signal) =>
    importInbox(inbox, take, signal)

  it('a refused import fails, and the next one is imported', async () => {
    const bad = await deliver(inbox, { contracts: [contract('bad')], devices: [] }, NOW)
    const good = await deliver(inbox, { contracts: [contract('good')], devices: [] }, NOW + 1)
    await imported(async (parts) => {
      for await (const { contracts } of parts) if (contracts[0]?.worker === 'bad') throw new Error('the disk is full')
      return { contracts: 1, devices: 0 }
    })
    assert.deepEqual(await answerTo(inbox, bad), { failed: 'the disk is full' })
    assert.deepEqual(await answerTo(inbox, good), { failed: null })
  })

  it('an import interrupted by the end of the server stays in the inbox', async () => {
    const name = await deliver(inbox, { contracts: names(600), devices: [] }, NOW)
    const stopping = new AbortController()
    const seen: number[] = []
    const take: Contracts['take'] = async (parts) => {
      for await (const { contracts } of parts) {
        seen.push(contracts.length)
        stopping.abort()
      }
      return { contracts: 0, devices: 0 }
    }
    await imported(take, stopping.signal)
    assert.deepEqual([seen, await answerTo(inbox, name)], [[250], null])
    await imported(take)
    assert.deepEqual([seen, await answerTo(inbox, name)], [[250, 250, 250, 100], { failed: null }])
  })

  it('deletes answers after a week', async () => {
    const old = await deliver(inbox, { contracts: [contract('w1')], devices: [] }, NOW)
    for await (const { done } of takeInbox(inbox)) await done()
    const weekAgo = Date.now() / 1_000 - 8 * 86_400
    await utimes(join(inbox, 'done', old), weekAgo, weekAgo)
    const name = await deliver(inbox, { contracts: [contract('w2')], devices: [] }, NOW + 1)
    for await (const { done } of takeInbox(inbox)) await done()
    assert.deepEqual(await readdir(join(inbox, 'done')), [name])
  })
})
