import assert from 'node:assert/strict'
import { FAULTS, Fault, type FaultDetails } from '../../wire/fault.ts'

describe('faults', () => {
  for (const [code, meaning] of Object.entries(FAULTS))
    it(`${code} has a complete sentence`, () => {
      // A capital letter, several words, one full stop at the end, no doubled space.
      assert.match(meaning, /^[A-Z][a-z]*( [^ .!?]+)+\.$/)
    })

  const messages: { name: string; about: FaultDetails; message: string; detail: string | null }[] = [
    {
      name: 'a code alone',
      about: {},
      message: 'The command cannot run as given. [usage]',
      detail: null,
    },
    {
      name: 'a place',
      about: { where: '--at' },
      message: '--at: The command cannot run as given. [usage]',
      detail: null,
    },
    {
      name: 'a cause',
      about: { why: 'It is not a time.' },
      message: 'The command cannot run as given. It is not a time. [usage]',
      detail: 'It is not a time.',
    },
    {
      name: 'everything, in this order',
      about: { todo: 'Give an ISO time.', why: 'It is not a time.', where: '--at' },
      message: '--at: The command cannot run as given. It is not a time. Give an ISO time. [usage]',
      detail: 'It is not a time. Give an ISO time.',
    },
    {
      name: 'texts without a full stop, or with surrounding blanks',
      about: { why: ' EACCES: permission denied\n', todo: 'Try another port' },
      message: 'The command cannot run as given. EACCES: permission denied. Try another port. [usage]',
      detail: 'EACCES: permission denied. Try another port.',
    },
    {
      name: 'texts that end in other punctuation',
      about: { why: "Did you mean 'port'?", todo: 'Send Authorization: Bearer twf1.…' },
      message: "The command cannot run as given. Did you mean 'port'? Send Authorization: Bearer twf1.… [usage]",
      detail: "Did you mean 'port'? Send Authorization: Bearer twf1.…",
    },
    {
      name: 'texts of any length',
      about: { where: 'x'.repeat(5_000), why: 'y'.repeat(5_000) },
      message: `${'x'.repeat(999)}…: The command cannot run as given. ${'y'.repeat(999)}… [usage]`,
      detail: `${'y'.repeat(999)}…`,
    },
    {
      name: 'null and empty texts',
      about: { where: null, why: '', todo: null },
      message: 'The command cannot run as given. [usage]',
      detail: null,
    },
  ]
  for (const { name, about, message, detail } of messages)
    it(name, () => {
      const fault = new Fault('usage', about)
      assert.equal(fault.message, message)
      assert.equal(fault.detail, detail)
    })
})
