import assert from 'node:assert/strict'
import { inboxUnwritable } from '../../../server/commands/data-folder.ts'

describe('an inbox that cannot be written', () => {
  for (const { code, why, todo } of [
    { code: 'ENOSPC', why: 'The disk is full.', todo: 'Free some space.' },
    { code: 'EDQUOT', why: 'The disk is full.', todo: 'Free some space.' },
    { code: 'EACCES', why: 'The system says EACCES.', todo: 'Run this as the user that runs the server.' },
  ])
    it(`${code}: ${todo}`, () => {
      const fault = inboxUnwritable('/data/inbox', Object.assign(new Error(), { code }))
      assert.deepEqual(
        { ...{ code: fault.code, where: fault.where }, ...{ why: fault.why, todo: fault.todo } },
        { code: 'store.unwritable', where: '/data/inbox', why, todo },
      )
    })
})
