import assert from 'node:assert/strict'
import pg from 'pg'
import { testDatabase } from './server.ts'

describe('PostgreSQL for tests', () => {
  it('is durable, gives each test its own database, and ends connections on request', async function () {
    const [one, other] = [await testDatabase(this), await testDatabase(this)]
    const client = new pg.Client({ connectionString: one.url })
    const lost = new Promise<Error>((resolve) => client.on('error', resolve))
    await client.connect()
    await client.query('create table only_here (id integer)')
    assert.deepEqual((await client.query('show fsync')).rows, [{ fsync: 'on' }])
    const there = new pg.Client({ connectionString: other.url })
    await there.connect()
    assert.deepEqual((await there.query(`select to_regclass('only_here') as found`)).rows, [{ found: null }])
    await there.end()
    await one.disconnect()
    assert.match((await lost).message, /terminat/)
    await Promise.all([one.drop(), other.drop()])
  })
})
