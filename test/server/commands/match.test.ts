import assert from 'node:assert/strict'
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { compile, load } from '../../../rules/language/index.ts'
import { matchEvents } from '../../../server/commands/match-events.ts'
import { needsLinux } from '../../agent/needs-linux.ts'
import { needSharedData, sysmonLines, sysmonMatches } from '../../rules/language/shared-data.ts'

const ROOT = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))))
const SHARED_DATA = join(ROOT, '..', 'shared', 'data')

const rule = (id: number, more = '') => `title: Rule ${id}
id: 00000000-0000-4000-8000-00000000000${id}
level: high
logsource: { category: process_creation, product: windows }
detection:
  selection: { Image|endswith: '\\x${id}.exe' }
  condition: selection
${more}`
const id = (number: number) => `00000000-0000-4000-8000-00000000000${number}`
const event = (more: object = {}) =>
  JSON.stringify({ category: 'process_creation', product: 'windows', Image: 'C:\\x1.exe', ...more })

describe('tellwire match', function () {
  this.timeout(120_000)
  let folder = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tellwire-match-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const write = (name: string, content: string | Buffer) => {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
  const start = (...args: string[]): ChildProcessWithoutNullStreams =>
    spawn(process.execPath, [join(ROOT, 'bin', 'tellwire.js'), 'match', ...args], {
      cwd: folder,
      env: { ...process.env, NO_COLOR: '1' },
    })
  const run = async (args: string[], input: string | Buffer = '') => {
    const child = start(...args)
    // It may end before it has read all its input.
    child.stdin.on('error', () => {})
    child.stdin.end(input)
    const exit = once(child, 'close')
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
    const [status] = await exit
    return {
      status,
      stderr,
      matches: stdout
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line)),
    }
  }

  it('writes one line a match, with the 0-based number of the event', async () => {
    write('r/1.yml', rule(1))
    write('r/2.yml', rule(2))
    write('r/both.yml', rule(3).replace('x3', 'x1'))
    const { status, stderr, matches } = await run(
      ['--rules', 'r'],
      [event({ Image: 'C:\\none.exe' }), event(), '', event({ Image: 'c:\\X2.EXE' })].join('\n'),
    )
    assert.deepEqual(matches, [
      { event: 1, rule: id(1), title: 'Rule 1', level: 'high' },
      { event: 1, rule: id(3), title: 'Rule 3', level: 'high' },
      { event: 3, rule: id(2), title: 'Rule 2', level: 'high' },
    ])
    assert.deepEqual({ status, stderr }, { status: 0, stderr: '' })
  })

  it('takes --rules several times, in both spellings, and events from a file or a gzipped one', async () => {
    write('1.yml', rule(1))
    write('2.yml', rule(2))
    const events = `${event()}\n${event({ Image: '\\x2.exe' })}\n`
    write('events.ndjson', events)
    write('events.ndjson.gz', Buffer.concat([gzipSync(events), gzipSync(events)]))
    const plain = await run(['events.ndjson', '--rules', '1.yml', '--rules=2.yml'])
    assert.deepEqual(
      plain.matches.map((it) => [it.event, it.rule]),
      [
        [0, id(1)],
        [1, id(2)],
      ],
    )
    const zipped = await run(['--rules=1.yml', 'events.ndjson.gz'])
    assert.deepEqual(
      zipped.matches.map((it) => it.event),
      [0, 2],
    )
  })

  it('reports author, licence and address of third-party rules', async () => {
    write('sigma/LICENSE', 'The rules of https://github.com/SigmaHQ are under the Detection Rule License (DRL) 1.1')
    write('sigma/rules/windows/1 a.yml', rule(1, 'author: Somebody'))
    write('sigma/rules-threat-hunting/2.yml', rule(2, 'author: [One, Two]\nlicense: MIT'))
    write('sigma/deprecated/3.yml', rule(3).replace('x3', 'x1'))
    write('ours.yml', rule(4, 'author: Tellwire\nlicense: Apache-2.0').replace('x4', 'x1'))
    const facts = { author: 'Somebody', license: 'DRL-1.1' }
    const link = 'https://github.com/SigmaHQ/sigma/blob/master/rules/windows/1%20a.yml'
    const events = `${event()}\n${event({ Image: '\\x2.exe' })}\n`
    const { matches } = await run(['--rules', 'sigma', '--rules', 'ours.yml'], events)
    assert.deepEqual(matches, [
      { event: 0, rule: id(1), title: 'Rule 1', level: 'high', ...facts, link },
      { event: 0, rule: id(4), title: 'Rule 4', level: 'high' },
      {
        ...{ event: 1, rule: id(2), title: 'Rule 2', level: 'high', author: 'One, Two', license: 'MIT' },
        link: 'https://github.com/SigmaHQ/sigma/blob/master/rules-threat-hunting/2.yml',
      },
    ])
    const part = await run(['--rules', 'sigma/rules/windows'], events)
    assert.deepEqual(part.matches, [{ event: 0, rule: id(1), title: 'Rule 1', level: 'high', ...facts, link }])
  })

  it('reports the first ten lines that are not events, continues, and exits 1', async () => {
    write('1.yml', rule(1))
    const bad = ['{"a":', '[1]', '3', 'null', '"\u001b[31m"', ...Array.from({ length: 20 }, () => 'x')]
    const { status, stderr, matches } = await run(['--rules', '1.yml'], [event(), ...bad, event()].join('\n'))
    assert.deepEqual(
      matches.map((it) => it.event),
      [0, 26],
    )
    const reported = stderr.trimEnd().split('\n')
    assert.deepEqual(reported.slice(0, 2), [
      'standard input:2: not JSON; line skipped.',
      'standard input:3: not a JSON object; line skipped.',
    ])
    assert.deepEqual([reported.length, reported.at(-1)], [11, 'standard input: 15 more lines skipped.'])
    assert.equal(status, 1)
  })

  it('reports unusable rules and uses the others; without usable rules it fails', async () => {
    write('r/1.yml', rule(1))
    write('r/2.yml', rule(2).replace('endswith', 'endwith'))
    const { status, stderr, matches } = await run(['--rules', 'r'], event())
    assert.deepEqual([matches.length, status], [1, 0])
    assert.match(stderr, /^r\/2\.yml:6:\d+: error: .*endwith/)
    const none = await run(['--rules', 'r/2.yml'], event())
    assert.equal(none.status, 1)
    assert.match(none.stderr, /There is no usable rule/)
  })

  const failures: [string, string[], RegExp][] = [
    ['missing rules', ['--rules', 'nowhere'], /^tellwire: nowhere: .*no such file/],
    ['a missing file of events', ['--rules', '1.yml', 'nowhere.ndjson'], /^tellwire: nowhere\.ndjson: .*no such file/],
    ['a folder of events', ['--rules', '1.yml', '.'], /^tellwire: \.: .*It is a folder/],
    ['a truncated gzip file', ['--rules', '1.yml', 'cut.gz'], /^tellwire: cut\.gz: .*truncated/],
    ['a file that is not gzip', ['--rules', '1.yml', 'not.gz'], /^tellwire: not\.gz: .*damaged/],
    [
      'a file that is not an archive',
      ['--rules', 'not.tar.gz'],
      /^tellwire: not\.tar\.gz: .*The archive cannot be read/,
    ],
  ]
  for (const [name, args, says] of failures)
    it(`reports in one line: ${name}`, async () => {
      write('1.yml', rule(1))
      write('cut.gz', gzipSync(`${event()}\n`.repeat(1_000)).subarray(0, 60))
      write('not.gz', 'plain text')
      write('not.tar.gz', gzipSync('x'.repeat(2_000)))
      const { status, stderr } = await run(args)
      assert.match(stderr, says)
      assert.deepEqual([status, stderr.trimEnd().split('\n').length], [1, 1])
    })

  it('escapes control characters without changing the parsed JSON', async () => {
    const title = 'a\u202eb\u009bc\u2066d'
    write('1.yml', rule(1).replace('title: Rule 1', `title: "${title}"`))
    const child = start('--rules', '1.yml')
    child.stdin.end(event())
    const stdout = await text(child.stdout)
    assert.match(stdout, /^[\x20-\x7e]+\n$/)
    assert.equal(JSON.parse(stdout).title, title)
  })

  it('refuses two files of events', async () => {
    assert.equal((await run(['a', 'b'])).status, 2)
  })

  it('--stats reports on standard error time, matches by rule, the most expensive rules and logsources without one', async () => {
    write('r/1.yml', rule(1))
    write('r/2.yml', `${rule(2).replace(/selection: .*/, () => "selection: { CommandLine|re: '(a|b)*c[0-9]{3,9}$' }")}`)
    const events = Array.from({ length: 200 }, (_, n) =>
      n % 4 === 0
        ? JSON.stringify({ category: `other-${n % 8}`, Image: '\u001b[2J' })
        : event({ CommandLine: 'abc'.repeat(200) }),
    )
    const { stderr, matches } = await run(['--rules', 'r', '--stats'], events.join('\n'))
    assert.equal(matches.length, 150)
    assert.match(stderr, /^25 events have the category 'other-0', which no rule has\.$/m)
    assert.match(stderr, /^200 events in 200 lines \(0 skipped\), [\d.]+ s: [\d,]+ events\/s/m)
    assert.match(stderr, /2 rules, .* 150 matches of 1 rules\. 150 events have a logsource that rules cover\./)
    assert.match(stderr, new RegExp(`\n150 +[\\d.]+ +high +${id(1)} +Rule 1\n`))
    // Which of the two costs more depends on the machine.
    for (const n of [1, 2])
      assert.match(
        stderr,
        new RegExp(`most expensive rules.*\nµs .*\n(.*\n)?[\\d.]+ +[\\d.]+ % +${id(n)} +Rule ${n}\n`),
      )
    assert.match(stderr, /\n25 +category other-0\n25 +category other-4\n$/)
  })

  const hostile: [string, string][] = [
    ['a value of 1 MB', event({ CommandLine: 'ab'.repeat(524_288) })],
    ['a value of 1 MB that is one long backslash', event({ CommandLine: '\\'.repeat(1_048_576) })],
    ['NUL and control characters', event({ CommandLine: '\0\u001b\u202e' })],
    ['lone surrogates', event().replace('"category"', '"\\ud800":"\\udfff\\ud800","category"')],
    ['bytes that are not UTF-8', event()],
    ['a key called __proto__', `{"__proto__":{"x":1},"constructor":1,${event().slice(1)}`],
    [
      'two hundred thousand keys',
      `{${Array.from({ length: 200_000 }, (_, n) => `"k${n}":1`).join()},${event().slice(1)}`,
    ],
    ['an array of a million', event({ CommandLine: Array.from({ length: 1_000_000 }, () => 1) })],
    ['arrays in arrays, a million deep', `{"x":${'['.repeat(1_000_000)}${']'.repeat(1_000_000)},${event().slice(1)}`],
  ]
  it('neither crashes nor stalls on hostile lines', async () => {
    write('r/1.yml', rule(1))
    write(
      'r/2.yml',
      `${rule(2)
        .replace(
          /selection: .*/,
          () => "selection: { CommandLine|re: '(a|ab)*(ab)*c$' }\n  words: [needle, 'h?y*stack']",
        )
        .replace('condition: selection', 'condition: selection or words')}`,
    )
    const lines = hostile.map(([name, line]) => (name.includes('UTF-8') ? line.replace('C:', '\u0001') : line))
    const bytes = Buffer.from(`${lines.join('\n')}\n`)
    bytes[bytes.indexOf(1)] = 0xff
    const { status, stderr, matches } = await run(['--rules', 'r'], bytes)
    assert.deepEqual(
      matches.filter((it) => it.rule === id(1)).map((it) => hostile[it.event]?.[0]),
      hostile.map(([name]) => name),
    )
    assert.deepEqual({ status, stderr }, { status: 0, stderr: '' })
  })

  it('skips lines of more than 4 MiB, and continues with the next line', async () => {
    write('1.yml', rule(1))
    const keys = `{${Array.from({ length: 1_000_000 }, (_, n) => `"k${n}":1`).join()}}`
    const { status, stderr, matches } = await run(['--rules', '1.yml'], [event(), keys, event(), keys].join('\n'))
    assert.deepEqual(
      matches.map((it) => it.event),
      [0, 2],
    )
    assert.match(stderr, /^standard input:2: longer than 4194304 bytes.*\nstandard input:4: longer/)
    assert.equal(status, 1)
  })

  it('keeps its memory bounded for 200 MB of events', async function () {
    needsLinux(this)
    write('r/1.yml', rule(1))
    write('r/2.yml', rule(2))
    const child = start('--rules', 'r')
    const exit = once(child, 'close')
    const out = text(child.stdout)
    // One match in a thousand, so that there is output too.
    const block = Buffer.from(
      `${Array.from({ length: 1_000 }, (_, n) =>
        event({ Image: n === 0 ? '\\x2.exe' : '\\none.exe', CommandLine: 'word '.repeat(80), Number: n }),
      ).join('\n')}\n`,
    )
    let blocks = 0
    for (let sent = 0; sent < 200_000_000; sent += block.length, blocks++)
      if (!child.stdin.write(block)) await once(child.stdin, 'drain')
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
    child.stdin.end()
    assert.equal((await exit)[0], 0)
    assert.equal((await out).split('\n').length - 1, blocks)
    const peakMiB = Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1_024
    assert.ok(peakMiB < 256, `its peak was ${peakMiB.toFixed(0)} MiB`)
  })

  it('compares integers beyond 2^53 exactly, names strangers once, and takes placeholders', async () => {
    write(
      'r.yml',
      `title: t\nid: ${id(1)}\nlogsource: { category: t }\ndetection:\n  s: { a|gt: 9007199254740992 }\n  e: { a|expand: '%exact%' }\n  condition: s and e\n`,
    )
    const lines = [
      '{"category":"t","a":9007199254740993}',
      '{"category":"t","a":9007199254740992}',
      '{"category":"t","a":"18446744073709551615"}',
      '{"category":"t","a":18446744073709551615}',
      '{"category":"T","a":18446744073709551615}',
      '{"category":"T","a":18446744073709551615}',
    ]
    const placeholder = '--placeholder=exact=9007199254740993,9007199254740992,18446744073709551615'
    const { matches, stderr } = await run(['--rules', 'r.yml', placeholder], lines.join('\n'))
    assert.deepEqual(
      matches.map((it) => it.event),
      [0, 2, 3],
    )
    assert.equal(stderr, "2 events have the category 'T', which no rule has. Did you mean 't'?\n")
  })

  it('counts correlations by event time in any order of lines, and hides matches that only they use', async () => {
    const correlation = `---
title: Three in a minute
id: three
level: critical
correlation:
  type: event_count
  rules: [${id(1)}]
  group-by: [User]
  timespan: 1m
  condition: { gte: 3 }
`
    write('r.yml', rule(1) + correlation)
    const at = (seconds: number, User: string) => event({ User, time: 1_700_000_000_000 + seconds * 1_000 })
    const lines = [at(0, 'a'), at(10, 'b'), at(20, 'a'), at(30, 'a'), at(90, 'b'), at(120, 'b'), event({ User: 'c' })]
    const { matches, stderr } = await run(['--rules', 'r.yml'], lines.join('\n'))
    assert.deepEqual(matches, [
      {
        ...{ events: [0, 2, 3], rule: 'three', title: 'Three in a minute', level: 'critical' },
        ...{ time: 1_700_000_030_000, from: 1_699_999_970_000, to: 1_700_000_030_000 },
        ...{ group: { User: 'a' }, values: { count: 3 } },
      },
    ])
    assert.equal(stderr, '1 matching events have no time; no correlation counts them.\n')
    const backwards = await run(['--rules', 'r.yml'], lines.toReversed().join('\n'))
    assert.deepEqual(
      backwards.matches.map(({ events, time, group }) => ({ events, time, group })),
      [{ events: [6, 4, 3], time: 1_700_000_030_000, group: { User: 'a' } }],
    )
    const days = [at(5 * 86_400, 'a'), at(0, 'a'), at(1, 'a'), at(2, 'a')].join('\n')
    const late = await run(['--rules', 'r.yml'], days)
    assert.deepEqual(late.matches, [])
    assert.equal(late.stderr, '3 matches arrived too late for their correlations: sort the events by time.\n')
    const written = await run(
      ['--rules', 'r.yml'],
      ['00', '20', '59'].map((it) => event({ User: 'a', UtcTime: `2020-06-10 02:50:${it}.631` })).join('\n'),
    )
    assert.deepEqual(written.matches[0]?.events, [0, 1, 2])
    write('g.yml', rule(1) + correlation.replace('correlation:', 'generate: true\ncorrelation:'))
    const generated = await run(['--rules', 'g.yml'], lines.join('\n'))
    assert.deepEqual(
      generated.matches.map((it) => it.event ?? it.events),
      [0, 1, 2, 3, 4, 5, 6, [0, 2, 3]],
    )
  })

  it('stops reading while its output is not read', async () => {
    let read = 0
    async function* blocks() {
      for (; read < 100; read++) yield Array.from({ length: 1_000 }, () => event())
    }
    const { rules } = load([{ path: '1.yml', text: rule(1) }])
    const written = Promise.withResolvers<void>()
    const taken = Promise.withResolvers<void>()
    const done = matchEvents(blocks(), {
      program: compile(rules),
      correlate: null,
      categories: new Set<string>(),
      attribute: () => ({}),
      refuse: assert.fail,
      write: () => {
        written.resolve()
        return taken.promise
      },
    })
    await written.promise
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
    assert.equal(read, 0)
    taken.resolve()
    assert.equal((await done).matches, 100_000)
  })

  it('matches the same real Sysmon events as pySigma, with SigmaHQ as published', async function () {
    needSharedData(this)
    const { status, stderr, matches } = await run([
      ...['--rules', join(SHARED_DATA, 'sigmahq.tar.gz')],
      join(SHARED_DATA, 'sysmon-otrf.ndjson.gz'),
    ])
    const categories = sysmonLines().map((line) => JSON.parse(line).category)
    const expected = Object.entries(sysmonMatches()).flatMap(([event, rules]) => rules.map((it) => `${event} ${it}`))
    const ofCategory = (pairs: string[]) => pairs.filter((it) => categories[parseInt(it, 10)] === 'process_creation')
    // Rules for a whole product match here too; the expected matches are only of rules for the category.
    const asked = matches.filter((it) => it.link.includes('/proc_creation_'))
    const found = ofCategory(asked.map((it) => `${it.event} ${it.rule}`))
    assert.deepEqual(found.sort(), ofCategory(expected).sort())
    assert.ok(found.length > 300)
    assert.ok(matches.every((it) => it.license === 'DRL-1.1' && it.author && it.link))
    assert.equal(status, 0)
    assert.ok(
      stderr
        .split('\n')
        .every((line) => line === '' || line.includes('%known_cdcs%') || /^\d+ warnings? about/.test(line)),
    )
  })
})
