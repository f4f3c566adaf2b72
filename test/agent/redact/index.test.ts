import assert from 'node:assert/strict'
import { redactArguments, redactCommandLine } from '../../../agent/redact/index.ts'
import { LATER, MANUALS } from './manuals.ts'
import { ORDINARY } from './ordinary.ts'
import { BARE, SHAPES } from './shapes.ts'
import { FIRST, SECOND } from './unseen.ts'

const lines: [name: string, line: string, expected: string][] = [
  ['nothing to hide', 'ls -la /home/ann', 'ls -la /home/ann'],
  ['an option with =', 'tool --password=hunter2 -v', 'tool --password=*** -v'],
  ['an option with a blank', 'tool --password hunter2 -v', 'tool --password *** -v'],
  ['a quoted value with blanks', 'tool --password "hunter 2" -v', 'tool --password *** -v'],
  ['a quote after =', "tool --token='a b c' -v", 'tool --token=*** -v'],
  ['a quote that is never closed', 'tool --token="a b c', 'tool --token=***'],
  ['a flag is followed by an option, not by a value', 'tool --token --verbose', 'tool --token --verbose'],
  ['the name of a file with a secret is not a secret', 'vpn --password-file /etc/vpn', 'vpn --password-file /etc/vpn'],
  ['a phrase without quotes', 'tool --mnemonic apple banana cherry -v', 'tool --mnemonic *** *** *** -v'],
  [
    'a phrase for a program of the table',
    'cast wallet import --mnemonic apple banana cherry --offline',
    'cast wallet import --mnemonic *** *** *** --offline',
  ],
  [
    'a phrase in quotes is all of it',
    'cast wallet import --mnemonic "apple banana" main',
    'cast wallet import --mnemonic *** main',
  ],
  ['one dash', 'java -storepass changeit', 'java -storepass ***'],
  ['one dash, the word itself', 'tool -password changeit', 'tool -password ***'],
  ['camel case', 'tool --accessToken=abc --maxTokens2=5', 'tool --accessToken=*** --maxTokens2=***'],
  [
    'an environment assignment',
    'DB_PASSWORD=x AWS_SECRET_ACCESS_KEY=y HOME=/root cmd',
    'DB_PASSWORD=*** AWS_SECRET_ACCESS_KEY=*** HOME=/root cmd',
  ],
  ['no separator in the name', 'PGPASSWORD=x cmd', 'PGPASSWORD=*** cmd'],
  ['a key that is not a secret', 'cmd MONKEY=1 keyboard=us --keymap=de', 'cmd MONKEY=1 keyboard=us --keymap=de'],
  [
    'registration of a remote desktop',
    'remoting_start_host --code="4/0Ab x" --pin=123456 --name=h',
    'remoting_start_host --code=*** --pin=*** --name=h',
  ],
  ['an exit code is not a secret', 'echo code=1', 'echo code=1'],
  ['mysql, joined', 'mysql -uroot -phunter2 db', 'mysql -uroot -p*** db'],
  ['ssh -p is a port', 'ssh -p 2222 host', 'ssh -p 2222 host'],
  ['sshpass, then ssh', 'sshpass -p hunter2 ssh host', 'sshpass -p *** ssh host'],
  ['curl -u', 'curl -u ann:hunter2 https://h.example/x', 'curl -u *** https://h.example/***'],
  ['7z', '7z a -phunter2 out.7z src', '7z a -p*** out.7z src'],
  ['teamviewer passwd', '/usr/bin/teamviewer passwd hunter2', '/usr/bin/teamviewer passwd ***'],
  [
    'a password that is piped in',
    'sh -c "echo hunter2 | anydesk --set-password"',
    'sh -c "echo *** | anydesk --set-password"',
  ],
  ['an echo piped to another program stays', 'echo aGk= | base64 -d', 'echo aGk= | base64 -d'],
  [
    'a bearer header',
    "curl -H 'Authorization: Bearer abc.def' https://h.example",
    "curl -H 'Authorization: ***' https://h.example",
  ],
  ['a header without quotes', 'curl -H Cookie: a=b; c=d', 'curl -H Cookie: ***'],
  ['bearer alone', 'tool bearer abcdef', 'tool bearer ***'],
  ['a key by its format', 'cmd AKIAIOSFODNN7EXAMPLE x', 'cmd *** x'],
  ['a JWT', 'cmd eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln', 'cmd ***'],
  ['a URL loses path and query', 'wget https://h.example:8443/a/b?c=d#e -O x', 'wget https://h.example:8443/*** -O x'],
  ['a URL without a path', 'wget https://h.example/', 'wget https://h.example/'],
  ['a user in a URL', 'git clone https://ann:tok@h.example/o/r.git', 'git clone https://***@h.example/***'],
  ['@ in the password of a URL', 'x ftp://a:b@c@h.example/d', 'x ftp://***@h.example/***'],
  ['a file URL', 'firefox file:///home/ann/salary.ods', 'firefox file:///***'],
  ['a file URL, one slash', 'firefox file:/home/ann/salary.ods', 'firefox file:***'],
  [
    'a URL in quotes, the rest stays',
    `sh -c "wget 'https://h.example/a' -O x"`,
    `sh -c "wget 'https://h.example/***' -O x"`,
  ],
  ['a query with a token', 'x https://h.example?token=abc', 'x https://h.example/***'],
  ['JSON', `x {"password":"hunter2"}`, `x {"password":***`],
  ['a connection string', 'x Server=h;Password=p;Database=d', 'x Server=h;Password=***'],
  ['nested in sh -c', `sh -c 'mysql --password hunter2' arg`, `sh -c 'mysql --password ***' arg`],
  ['a program in a path of Windows', 'C:\\MySQL\\bin\\MySQL.exe -phunter2 db', 'C:\\MySQL\\bin\\MySQL.exe -p*** db'],
  [
    'a path of Windows with blanks, in quotes',
    '"C:\\Program Files\\curl\\curl.exe" -u ann:hunter2 x',
    '"C:\\Program Files\\curl\\curl.exe" -u *** x',
  ],
  ['an option of Windows', 'cmdkey.exe /user:ann /pass:hunter2', 'cmdkey.exe /user:ann /pass:***'],
  ['control characters stay', 'a\u001b[31m\tb', 'a\u001b[31m\tb'],
  ['nothing', '', ''],
]

const argumentLists: [name: string, args: string[], expected: string][] = [
  ['a value with blanks is one argument', ['t', '--password', 'a b c', '-v'], 't --password *** -v'],
  ['a value with blanks after =', ['t', '--secret=a', 'b'], 't --secret=*** b'],
  ['blanks after =', ['t', '--secret=a b c', 'd'], 't --secret=*** d'],
  ['an assignment with blanks', ['env', 'DB_PASSWORD=a b', 'd'], 'env DB_PASSWORD=*** d'],
  ['a header after =', ['t', '--header=Authorization: Bearer a b', 'u'], 't --header=Authorization: *** u'],
  ['a digest after =', ['t', '--header=X-Api-Key: a="b", c="d"', 'u'], 't --header=X-Api-Key: *** u'],
  ['an argument that is a property of every object', ['mysql', 'constructor', '-phunter2'], 'mysql constructor -p***'],
  ['a header is one argument', ['curl', '-H', 'Authorization: Bearer a b', 'u'], 'curl -H Authorization: *** u'],
  ['a shell line inside', ['sh', '-c', 'mysql --password hunter2; ls'], 'sh -c mysql --password *** ls'],
  ['a title that a program set', ['nginx: master process'], 'nginx: master process'],
  ['a short option of a known tool', ['/usr/bin/mysql', '-px y'], '/usr/bin/mysql -p***'],
  ['a short option of a known tool on Windows', ['C:\\curl.exe', '-u', 'ann:x y'], 'C:\\curl.exe -u ***'],
  ['an empty argument', ['t', '', '--pin', '1'], 't  --pin ***'],
  ['no arguments', [], ''],
]

const bombs = [
  'a='.repeat(4_096),
  '"'.repeat(8_192),
  '--password "'.repeat(700),
  'https://'.repeat(1_024),
  'eyJ'.repeat(2_730),
  `${'-'.repeat(8_191)}=`,
  'password='.repeat(910),
  `${'A'.repeat(8_191)}:`,
  ' '.repeat(8_192),
  'x@'.repeat(4_096),
  'echo | chpasswd '.repeat(512),
  '='.repeat(8_192),
  '\0'.repeat(8_192),
  '\ud800'.repeat(8_192),
  '\\'.repeat(8_192),
  '\\"'.repeat(4_096),
  '\\"a '.repeat(2_048),
  '"\''.repeat(4_096),
  'a;'.repeat(4_096),
  '(a '.repeat(2_730),
  'password=('.repeat(819),
  'mysql -p '.repeat(910),
  'tool -p '.repeat(1_024),
  '-----BEGIN '.repeat(744),
  'A1b'.repeat(2_730),
  'a"b c" '.repeat(1_170),
  'u:p@'.repeat(2_048),
]

describe('agent/redact', () => {
  for (const [name, args, secret] of [...SHAPES, ...MANUALS, ...LATER])
    it(`a secret: ${name}`, () => {
      assert.ok(!redactArguments(args).includes(secret), redactArguments(args))
      assert.ok(!redactCommandLine(quoted(args)).includes(secret), redactCommandLine(quoted(args)))
    })

  for (const [name, args, secret] of SHAPES)
    it(`a secret, its arguments joined without quotes: ${name}`, () =>
      assert.ok(!redactCommandLine(args.join(' ')).includes(secret), redactCommandLine(args.join(' '))))

  for (const { name, shapes, most } of [
    { name: 'the first sixty', shapes: FIRST, most: 7 },
    { name: 'the second sixty', shapes: SECOND, most: 12 },
  ])
    it(`of shapes that it was not made for, ${name}: at most ${most} get through`, () => {
      assert.equal(shapes.length, 60)
      const through = shapes.filter(([given, secret]) => {
        const args = typeof given === 'string' ? given.split(' ') : given
        return [redactArguments(args), redactCommandLine(quoted(args))].some((it) => it.includes(secret))
      })
      assert.ok(through.length <= most, through.map(([given]) => given).join('\n'))
    })

  for (const [name, args] of BARE) it(`stays: ${name}`, () => assert.equal(redactArguments(args), args.join(' ')))

  it('leaves ordinary command lines as they are, but for one in a hundred', () => {
    const changed = ORDINARY.filter((line) => redactCommandLine(line) !== line)
    assert.deepEqual(changed, ['/usr/libexec/gnome-session-binary --systemd --session=gnome --builtin'])
  })

  for (const [name, line, expected] of lines) it(name, () => assert.equal(redactCommandLine(line), expected))
  for (const [name, args, expected] of argumentLists)
    it(`arguments: ${name}`, () => assert.equal(redactArguments(args), expected))

  it('limits output and CPU time for any input', () => {
    const began = process.cpuUsage()
    for (const bomb of bombs) {
      assert.ok(redactCommandLine(bomb + bomb).length <= 8_192)
      assert.ok(redactArguments([bomb, bomb, ...bomb.split(' ')]).length <= 8_192)
    }
    const { user } = process.cpuUsage(began)
    assert.ok(user < 3_000_000, `${user} us of CPU for ${bombs.length} hostile inputs`)
  })

  it('removes secrets at any position', () => {
    for (let padding = 0; padding < 200; padding++) {
      const line = `${'x '.repeat(padding)}--password=HUNTER2 https://a:HUNTER2@h.example/HUNTER2 API_KEY=HUNTER2`
      assert.ok(!redactCommandLine(line).includes('HUNTER2'))
      assert.ok(!redactArguments(line.split(' ')).includes('HUNTER2'))
    }
  })
})

/** As somebody would write the arguments in a shell. */
function quoted(args: readonly string[]): string {
  return args.map((it) => (/^[\w@%+=:,./\\-]+$/.test(it) ? it : `"${it.replace(/["\\]/g, '\\$&')}"`)).join(' ')
}
