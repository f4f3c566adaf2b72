/** What the agent reads on a Mac: property lists, signatures, what the kernel fills in, and lines of macOS' own programs. */
import assert from 'node:assert/strict'
import { cronCommands } from '../../../agent/collectors/macos/autostarts.ts'
import { parseBackgroundItems } from '../../../agent/collectors/macos/kit/background-items.ts'
import { parseExec } from '../../../agent/collectors/macos/kit/execs.ts'
import { parseJob } from '../../../agent/collectors/macos/kit/launchd.ts'
import { signerOf } from '../../../agent/collectors/macos/kit/mach-o.ts'
import { hasAbsolutePointer } from '../../../agent/collectors/macos/kit/report-descriptor.ts'
import { parseSignIn } from '../../../agent/collectors/macos/kit/sign-ins.ts'
import { parseUtmpx } from '../../../agent/collectors/macos/logons.ts'
import { parseBundle, parseReceipt } from '../../../agent/collectors/macos/software.ts'
import { cmsIn, organisationIn } from '../../../agent/collectors/shared/code-signature.ts'
import { parsePlist } from '../../../agent/collectors/shared/plist.ts'
import { parseInterfaces, parseNeighbours, parseRoutes } from '../../../agent/host/macos/networks.ts'
import { parseArguments } from '../../../agent/host/macos/processes.ts'
import { parseFiles } from '../../../agent/host/macos/sockets.ts'
import { parseMounts } from '../../../agent/host/macos/volumes.ts'
import { fakeHost } from '../../agent/fake-host.ts'
import type { Target } from '../target.ts'

/** A list is read, or refused with a SyntaxError; nothing else is thrown. */
export const macPlists: Target = {
  name: 'mac-plists',
  shape: 'bytes',
  dictionary: [
    'bplist00',
    '<plist>',
    '<dict>',
    '<key>',
    '</array>',
    '<data>',
    '&#x',
    '$objects',
    'NS.keys',
    '<integer>',
  ],
  open: async () => ({
    run(input) {
      for (const parse of [parsePlist, parseBackgroundItems])
        try {
          parse(input)
        } catch (cause) {
          if (!(cause instanceof SyntaxError)) throw cause
        }
      parseJob(input)
      parseBundle('/Applications/X.app', input)
      parseReceipt(input)
    },
  }),
}

/** Each parser takes any bytes, and gives no more than they can hold. */
export const macBytes: Target = {
  name: 'mac-bytes',
  shape: 'bytes',
  dictionary: ['\xfa\xde\x0c\xc0', '\xca\xfe\xba\xbe', '\xcf\xfa\xed\xfe', '0\x80', 'utmpx-1.00'],
  open: async () => ({
    async run(input) {
      const rows = [parseInterfaces, parseRoutes, parseNeighbours, parseMounts, parseFiles, parseUtmpx]
      for (const parse of rows) assert.ok(parse(input).length <= input.length / 4, parse.name)
      assert.ok((parseArguments(input)?.length ?? 0) <= input.length)
      assert.equal(typeof hasAbsolutePointer(input), 'boolean')
      const cms = cmsIn(input)
      assert.ok(cms === null || cms.length < input.length)
      organisationIn(input)
      if (cms !== null) organisationIn(cms)
      await signerOf(fakeHost({ '/a': input }), '/a').catch((cause: NodeJS.ErrnoException) => {
        if (!(cause instanceof RangeError)) throw cause
      })
    },
  }),
}

/** A line is understood, or is none. */
export const macLines: Target = {
  name: 'mac-lines',
  shape: 'json-lines',
  dictionary: [
    '"eventMessage"',
    'Accepted publickey for ',
    ' port ',
    'Viewer Address: ',
    '"audit_token"',
    '@reboot ',
    '*/5',
  ],
  open: async () => ({
    run(input) {
      const text = input.toString('utf8')
      cronCommands(text)
      for (const line of text.split('\n', 2_000)) {
        const signIn = parseSignIn(line)
        if (signIn !== null) assert.ok(Number.isFinite(signIn.step.at), line)
        const exec = parseExec(line)
        if (exec !== null) assert.ok(Number.isSafeInteger(exec.pid) && exec.pid >= 0, line)
      }
    },
  }),
}
