import assert from 'node:assert/strict'
import { reached } from './reached.ts'

const FILES: Record<string, string> = {
  'c/index.ts': `
import { a } from './linux/a.ts'
import { a as macA } from './macos/a.ts'
import { type T, type U } from './shared/types.ts'
import { both } from './shared/both.ts'

const COLLECTORS = {
  linux: () => {
    return [a, both()]
  },
  macos: () => [macA(both)],
  windows: () => [
    both(),
  ],
}
`,
  'c/linux/a.ts': "import { lid } from '../shared/lid.ts'\nimport type { T } from '../shared/types.ts'\n",
  'c/macos/a.ts': "const late = () => import('../shared/late.ts')\n",
  'c/shared/lid.ts': "import { both } from './both.ts'\n",
  'c/shared/both.ts': "import { lid } from './lid-of-another-name.ts'\n",
  'c/shared/lid-of-another-name.ts': '',
  'c/shared/late.ts': "import {\n  lid,\n} from './deep.ts'\n",
  'c/shared/deep.ts': '',
}
const read = (path: string) => FILES[path] ?? assert.fail(`${path} is not there`)

describe('which files the collectors of a system reach', () => {
  it('counts a shared file only for the systems that use it, and no file for its types', () => {
    const both = ['c/shared/both.ts', 'c/shared/lid-of-another-name.ts']
    assert.deepEqual(reached('c/index.ts', read), {
      linux: ['c/linux/a.ts', ...both, 'c/shared/lid.ts'].sort(),
      macos: ['c/macos/a.ts', ...both, 'c/shared/deep.ts', 'c/shared/late.ts'].sort(),
      windows: both,
    })
  })

  it('refuses an index without a system', () =>
    assert.throws(() => reached('i.ts', () => 'const COLLECTORS = {\n  linux: () => [],\n}\n'), /no entry for macos/))
})
