import assert from 'node:assert/strict'
import { spelledAccount, spelledAction, spelledResult } from '../../../server/simulate/spellings.ts'
import { loginResult, repoAction } from '../../../wire/feed-words.ts'

const SEEDS = Array.from({ length: 40 }, (_, nth) => nth)
const APPS = ['sso', 'mail', 'code', 'wiki']

describe('the spellings of a company', () => {
  it('mean what we say, whoever sends them', () => {
    for (const seed of SEEDS) {
      for (const app of APPS)
        for (const word of ['success', 'failure'] as const)
          assert.equal(loginResult(spelledResult(seed, app, word)), word)
      for (const word of ['clone', 'push'] as const) assert.equal(repoAction(spelledAction(seed, word)), word)
    }
  })
  it('differ between applications and companies', () => {
    const words = SEEDS.flatMap((seed) => APPS.map((app) => spelledResult(seed, app, 'success')))
    assert.equal(new Set(words).size, 4 + 1)
    assert.equal(new Set(SEEDS.map((seed) => spelledAction(seed, 'clone'))).size, 3)
  })
  it('some accounts have capital letters', () => {
    const accounts = Array.from({ length: 400 }, (_, nth) => spelledAccount(`w${nth + 1}`))
    const capital = accounts.filter((it) => it.startsWith('W')).length
    assert.ok(capital > 5 && capital < 60, `${capital}`)
    assert.deepEqual(new Set(accounts.map((it) => it.toLowerCase())).size, 400)
  })
})
