/** The server's configuration file. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadConfig } from '../../../server/config.ts'
import { Fault } from '../../../wire/fault.ts'
import { removeFolder, temporaryFolder } from '../../agent/laptop.ts'
import type { Target } from '../target.ts'

export const config: Target = {
  name: 'config',
  shape: 'yaml',
  dictionary: ['listen:', 'tls:', 'limits:', '<<: ', '*a', '&a', '!!binary', '__proto__:', 'host: 0.0.0.0', 'port: -1'],
  async open() {
    const folder = temporaryFolder()
    const file = join(folder, 'server.yml')
    return {
      run(input) {
        writeFileSync(file, input)
        try {
          const loaded = loadConfig({ file, env: {} })
          assert.ok(
            loaded.tls ||
              ['127.0.0.1', 'localhost', '::1'].includes(loaded.listen.host) ||
              /^127\./.test(loaded.listen.host),
            'plain HTTP on loopback only',
          )
        } catch (cause) {
          if (!(cause instanceof Fault)) throw cause
          assert.ok(cause.code === 'config.invalid' || cause.code === 'server.plain', cause.code)
          assert.ok(cause.message.length < 5_000)
        }
        assert.equal(({} as Record<string, unknown>).polluted, undefined)
      },
      close: async () => removeFolder(folder),
    }
  },
}
