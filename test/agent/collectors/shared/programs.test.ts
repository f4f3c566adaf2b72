import assert from 'node:assert/strict'
import { imageOf } from '../../../../agent/collectors/shared/programs.ts'

describe('agent/collectors/shared/programs', () => {
  for (const [link, image] of [
    ['/usr/bin/x', '/usr/bin/x'],
    ['/usr/bin/x (deleted)', '/usr/bin/x'],
    ['/memfd:x (deleted)', '/memfd:x'],
  ] as const)
    it(`the image of ${link}`, () => assert.equal(imageOf(link), image))
})
