import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { openState } from '../../../../server/store/sqlite/state.ts'
import { temporaryFolder } from '../folder.ts'
import { findingOf } from '../samples.ts'
import { stateSuite } from '../state.suite.ts'

stateSuite('state in SQLite', () => {
  const { folder, remove } = temporaryFolder()
  const under = {
    state: openState({ folder }),
    reopen() {
      under.state.close()
      under.state = openState({ folder })
      return under.state
    },
    done() {
      under.state.close()
      remove()
    },
  }
  return under
})

describe('state in SQLite', () => {
  let folder: string
  let remove: () => void
  beforeEach(() => {
    ;({ folder, remove } = temporaryFolder())
  })
  afterEach(() => remove())

  it('shows at once what another process wrote', () => {
    const [server, command] = [openState({ folder }), openState({ folder })]
    const user = command.saveUser({ name: 'ana', role: 'admin', passwordHash: null, createdAt: 1 })
    assert.deepEqual(server.user('ana'), user)
    server.close()
    command.close()
  })

  it('saves findings and progress together or not at all', () => {
    const state = openState({ folder })
    state.saveProgress({ position: 1, pipeline: '{}', rules: 'a' }, [findingOf('f1')], [])
    const impossible = { position: 2, pipeline: '{}', rules: null as unknown as string }
    assert.throws(() => state.saveProgress(impossible, [findingOf('f2')], []), { name: 'Fault' })
    assert.deepEqual([state.progress()?.position, state.finding('f2')], [1, null])
    state.close()
  })

  it('says that a newer Tellwire wrote it', () => {
    openState({ folder }).close()
    const db = new DatabaseSync(join(folder, 'state.db'))
    db.exec('pragma user_version = 99')
    db.close()
    assert.throws(() => openState({ folder }), { name: 'Fault', code: 'store.newer', where: join(folder, 'state.db') })
  })

  it('fails with a Fault that names the file', () => {
    const state = openState({ folder })
    const db = new DatabaseSync(join(folder, 'state.db'))
    db.exec('drop table audit')
    assert.throws(() => state.auditTrail(1), {
      name: 'Fault',
      code: 'store.unwritable',
      where: join(folder, 'state.db'),
    })
    db.close()
    state.close()
  })
})
