import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mock } from 'node:test'
import { changeHints } from '../../../../agent/collectors/windows/kit/change-hints.ts'

const fails = (cause: unknown) => assert.fail(String(cause))
const OPTIONS = { depth: 6, maxFolders: 64, ignore: new Set(['.git']) }

describe('agent/collectors/windows/kit/change-hints', () => {
  it('a drive: only another free space is a hint, and nothing is asked of a drive that is gone', async () => {
    mock.timers.enable({ apis: ['setInterval'] })
    try {
      let [free, hints, asked]: [number | null, number, number] = [100, 0, 0]
      const freeBytes = () => {
        asked++
        return free
      }
      const watcher = changeHints({ freeBytes })('E:', OPTIONS, () => hints++, fails)
      for (const now of [100, 90, 90, null, null]) {
        free = now
        mock.timers.tick(3_000)
      }
      assert.equal(hints, 2)
      await watcher.close()
      mock.timers.tick(30_000)
      assert.equal(asked, 6)
    } finally {
      mock.timers.reset()
    }
  })

  it('a folder: a change below it, but not in what is not looked at', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tellwire-hints-'))
    mkdirSync(join(folder, 'a'))
    let hint = () => {}
    const hinted = new Promise<void>((resolve) => {
      hint = resolve
    })
    const watcher = changeHints({ freeBytes: () => null })(folder, OPTIONS, () => hint(), fails)
    try {
      writeFileSync(join(folder, 'a/new.txt'), 'x')
      await hinted
    } finally {
      await watcher.close()
      rmSync(folder, { recursive: true })
    }
  })
})
