import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadConfig } from '../../agent/config.ts'
import { removeFolder, temporaryFolder } from './laptop.ts'

const GOOD = { url: 'https://tellwire.example/', serverKey: 'k', device: 'd-1', ca: null }

describe('agent/config', () => {
  let folder = ''
  beforeEach(() => {
    folder = temporaryFolder()
  })
  afterEach(() => removeFolder(folder))

  for (const { name, text, why } of [
    { name: 'no JSON', text: '{', why: /not JSON/ },
    { name: 'another shape', text: 'null', why: /expected object/ },
    { name: 'an address that is none', text: JSON.stringify({ ...GOOD, url: '::::' }), why: /URL/ },
    { name: 'an address of another kind', text: JSON.stringify({ ...GOOD, url: 'file:///etc' }), why: /URL/ },
  ])
    it(`${name} is reported with the file`, () => {
      writeFileSync(join(folder, 'agent.json'), text)
      assert.throws(
        () => loadConfig(folder),
        ({ code, where, why: found }) => {
          assert.equal(code, 'config.invalid')
          assert.match(where, /agent\.json/)
          assert.match(found, why)
          return true
        },
      )
    })

  it('is read as it was written', () => {
    writeFileSync(join(folder, 'agent.json'), JSON.stringify(GOOD))
    assert.deepEqual(loadConfig(folder), GOOD)
  })
})
