/**
 * Puts command lines together from their kinds - a program, a spelling of its option, a secret, quotes, a wrapper - and
 * asserts that no part of the secret comes through. Every piece of a secret has 'zq' in it, and nothing else has.
 */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { redactArguments, redactCommandLine } from '../../../agent/redact/index.ts'
import { TOKENS } from '../../../agent/redact/patterns.ts'
import { TOOLS } from '../../../agent/redact/tools.ts'

const RUNS = { numRuns: 1_000 }

/** `@` is the secret: joined, next, `=`, shortened, at the end of joined letters. */
const PROGRAMS: readonly string[] = [
  'mysql -uroot -p@ shop',
  'mysql --password=@ shop',
  'mysql --passw=@',
  'mysqldump -h db -p@ --all-databases',
  'mongosh -u ann -p @ --host db',
  'redis-cli -h db -a @ PING',
  'psql postgresql://ann:@@db.example/shop',
  'sqlcmd -S db -U sa -P @ -Q x',
  'sqlcmd -S db -U sa -P@',
  'sqlplus ann/@',
  'curl -u ann:@ example.com',
  'curl -uann:@ example.com',
  'curl -sSu ann:@ example.com',
  'curl -sSuann:@ example.com',
  'curl --user=ann:@ example.com',
  'curl --user ann:@ example.com',
  'curl --proxy-u ann:@ example.com',
  'curl --oauth2-bearer @ example.com',
  'curl -H X-Api-Key:@ example.com',
  'wget --http-password=@ example.com',
  'http -a ann:@ example.com',
  'lftp -u ann,@ sftp://h.example',
  'smbclient //h/share -U ann%@',
  'ldapsearch -xw @ -b dc=example',
  'ldapsearch -x -w@ -b dc=example',
  'sshpass -p @ ssh h.example',
  'sshpass -p@ ssh -p 22 h.example',
  '7z a -p@ out.7z src',
  'rar a -hp@ out.rar src',
  'zip -rP @ out.zip src',
  'unzip -P@ out.zip',
  'xfreerdp /u:ann /p:@ /v:h',
  'docker login -u ann -p @ r.example',
  'helm registry login -u ann -p @ r.example',
  'az login --service-principal -u x -p @',
  'aws configure set aws_secret_access_key @',
  'npm config set _authToken @',
  'git -c http.extraheader=PRIVATE-TOKEN:@ fetch',
  'keytool -list -storepass @ -keystore k',
  'htpasswd -b file ann @',
  'wpa_passphrase ssid @',
  'nmcli dev wifi connect ssid password @',
  'rclone config create r sftp pass @',
  'rclone obscure @',
  'ngrok config add-authtoken @',
  'vault login token=@',
  'bw unlock @',
  'teamviewer passwd @',
  'java -Ddb.password=@ -jar x.jar',
  'terraform apply -var db_password=@',
  'kubectl create secret generic x --from-literal=a=@',
  'tool --token @',
  'tool --token=@',
  'tool --client-secret @ -v',
  'tool -password @',
  'tool /password:@',
  'tool --dsn Server=h;Password=@',
  'tool https://ann:@@h.example/x',
  'tool ann:@@h.example',
  'tool url=https://h.example/reset/@',
  'net use z: \\\\h\\s @ /user:ann',
  'net user ann @ /add',
  'cmdkey /add:h /user:ann /pass:@',
  'schtasks /create /tn x /ru ann /rp @',
  'psexec \\\\h -u ann -p @ cmd',
  'plink -ssh h -l ann -pw @',
  'wmic /node:h /user:ann /password:@ os get name',
  'ipmitool -I lanplus -H h -U ADMIN -P @ chassis status',
  'snmpwalk -v2c -c @ 10.0.0.1',
  'openssl rsa -passin pass:@ -in key.pem',
  'gpg --batch --passphrase @ -c file',
  'nxc smb 10.0.0.5 -u admin -p @',
  'mc alias set store http://h:9000 ann @',
  'mount.cifs //h/s /mnt -o user=ann,pass=@',
  'net ads join -U admin%@',
  'etcdctl --user root:@ put a b',
]
/** Programs that no table knows, and what such options mean in most. */
const UNKNOWN: readonly string[] = [
  'unknown -u ann -p @ h.example',
  'unknown -p @ -U ann h.example',
  'unknown -xu ann -xp @',
  'unknown login ann @',
  'unknown user ann password @',
  'unknown --user ann:@1 h.example',
  'unknown -n ann:@1',
  'unknown -U dom/ann%@1',
  'unknown users add ann @',
  'unknown account create ann @',
  'unknown apikey save office @',
  'unknown login ann https://h.example/ @',
  'unknown secrets put jobs x --string-value @',
  'unknown put --type SecureString --value @',
  'unknown -c ann:@1',
]
const ASSIGNMENTS = ['SSHPASS', 'TF_VAR_dbpass', 'STRIPE_KEY', 'PGPASSWORD', 'AWS_SECRET_ACCESS_KEY', 'myApiToken']

const piece = fc
  .tuple(
    fc.stringMatching(/^[a-z0-9]{0,4}$/),
    fc.constantFrom('zq', 'ZQ', 'zQ'),
    fc.stringMatching(/^[A-Za-z0-9]{1,8}$/),
  )
  .map((it) => it.join(''))
/** Signs that a shell leaves alone. */
const plainSecret = fc
  .array(piece, { minLength: 1, maxLength: 3 })
  .chain((pieces) => joined(pieces, '_+.,^~%!-@:#*/'.split('')))
/** What needs quotes: blanks, operators, the other quote. */
const wildSecret = fc
  .array(piece, { minLength: 1, maxLength: 3 })
  .chain((pieces) =>
    joined(pieces, [' ', ';', '|', '&', '&&', '<', '>', '$', '(', ')', '  ', '{', '=', '?', 'ß', '\u{1f511}']),
  )

function joined(pieces: readonly string[], signs: readonly string[]) {
  return fc
    .array(fc.constantFrom(...signs), { minLength: pieces.length, maxLength: pieces.length })
    .map((between) => pieces.map((it, at) => it + (at + 1 < pieces.length ? between[at] : '')).join(''))
}

const program = fc.constantFrom(...PROGRAMS)
const WRAPPERS: readonly string[][] = [
  [],
  ['sudo'],
  ['sudo', '-u', 'ann', '-E'],
  ['env', 'LANG=C', 'A=b'],
  ['nohup'],
  ['timeout', '-k', '5', '60'],
  ['nice', '-n', '10'],
  ['xargs', '-0', '-n1'],
  ['docker', 'exec', '-it', 'box'],
  ['ssh', '-p', '2222', 'ann@h.example'],
  ['strace', '-f', '-o', '/tmp/x'],
]
const wrapper = fc.constantFrom(...WRAPPERS)

/** As the kernel keeps it: the secret is part of one argument, whatever is in it. */
function argumentsOf(line: string, secret: string): string[] {
  return line.split(' ').map((word) => fill(word, secret))
}

/** `@@` is the secret and the sign before a host. */
function fill(word: string, secret: string): string {
  const at = word.indexOf('@')
  return at === -1 || word.includes('ann@h') ? word : word.slice(0, at) + secret + word.slice(at + 1)
}

function assertGone(out: string): void {
  assert.doesNotMatch(out, /zq/i)
}

describe('agent/redact, composed', () => {
  it('arguments: program, spelling, any secret, any wrapper', () => {
    const secret = fc.oneof(plainSecret, wildSecret)
    fc.assert(
      fc.property(program, secret, wrapper, (line, secret, wrapper) =>
        assertGone(redactArguments([...wrapper, ...argumentsOf(line, secret)])),
      ),
      RUNS,
    )
  })

  it('every program of the table, every option, every spelling', () => {
    for (const [name, tools] of TOOLS)
      for (const tool of tools) {
        const start = [name, ...tool.verbs]
        const words = Array.from({ length: Math.max(0, tool.from - 1) }, () => 'x')
        const all = [
          ...[...tool.short].flatMap((it) => [[`-${it}`, '@'], [`-${it}@`], [`-${tool.flags[0] ?? ''}${it}`, '@']]),
          ...[...tool.joined].map((it) => [`-${it}@`]),
          ...[...tool.next].map((it) => [`-${it}`, '@']),
          ...tool.long.flatMap((it) => [[`--${it}`, '@'], [`--${it}=@`], [`/${it}:@`]]),
          // `-password` is `-p assword` where -p takes what is joined to it.
          ...tool.long.flatMap((it) => (`${tool.short}${tool.joined}`.includes(it[0]!) ? [] : [[`-${it}`, '@']])),
          ...tool.prefixes.map((it) => [`-${it}@`]),
          ...tool.pairs.map((it) => [it === '*' ? 'password' : it, '@']),
          ...(tool.from > 0 ? [[...words, '@']] : []),
          ...(tool.hasSlashPair ? [['ann/@']] : []),
        ]
        for (const args of all) {
          const filled = [...start, ...args.map((it) => it.replace('@', 'hzq2'))]
          assertGone(redactArguments(filled))
          assertGone(redactCommandLine(filled.join(' ')))
        }
      }
  })

  it('every prefix of a token: bare, in a script, behind any option, in an address', () => {
    for (const [, least, prefixes] of TOKENS)
      for (const prefix of prefixes.split(' ')) {
        // Hexadecimal digits are in every alphabet.
        const rest = '3b'.repeat(Math.ceil(least / 2))
        for (const args of [
          ['tool', `${prefix}${rest}`],
          ['tool', '-x', `${prefix}${rest}`],
          ['tool', `--x=${prefix}${rest}`],
          ['sh', '-c', `x="${prefix}${rest}"; tool`],
          ['curl', `https://h.example/a?x=${prefix}${rest}`],
        ]) {
          assert.ok(!redactArguments(args).includes(rest), redactArguments(args))
          assert.ok(!redactCommandLine(args.join(' ')).includes(rest), args.join(' '))
        }
      }
  })

  it('programs that no table knows: what their options mean in others', () => {
    const secret = fc
      .array(piece, { minLength: 1, maxLength: 3 })
      .chain((pieces) => joined(pieces, '_+.,^~%!#*'.split('')))
    fc.assert(
      fc.property(fc.constantFrom(...UNKNOWN), secret, wrapper, (line, secret, wrapper) => {
        const args = [...wrapper, ...argumentsOf(line, secret)]
        assertGone(redactArguments(args))
        assertGone(redactCommandLine(args.join(' ')))
        assertGone(redactArguments(['sh', '-c', args.join(' ')]))
      }),
      RUNS,
    )
  })

  it('a line: as it is, in quotes of either kind, within sh -c and cmd /c', () => {
    const quote = fc.constantFrom('', '"', "'")
    const shell = fc.constantFrom('', "sh -c '", 'bash -lc "', 'cmd.exe /c "', "pwsh -Command '")
    fc.assert(
      fc.property(
        program,
        plainSecret,
        wildSecret,
        quote,
        wrapper,
        shell,
        (line, plain, wild, quote, wrapper, shell) => {
          const outer = shell.at(-1) ?? ''
          // POSIX has no escape within single quotes: they are closed, one is written, and they are opened again.
          const inner = quote === '' || quote !== outer ? quote : quote === '"' ? '\\"' : `'\\''`
          const value = quote === '' ? plain : `${inner}${wild}${inner}`
          const command = [...wrapper, ...line.split(' ').map((word) => fill(word, value))].join(' ')
          assertGone(redactCommandLine(`${shell}${command}${outer}`))
          assertGone(redactCommandLine(`cd /srv && ${shell}${command}${outer}; ls -la`))
          assertGone(redactArguments(['sh', '-c', `${shell}${command}${outer}`]))
        },
      ),
      RUNS,
    )
  })

  it('assignments: before a command, exported, with blanks, in JSON, forms and headers', () => {
    const name = fc.constantFrom(...ASSIGNMENTS)
    fc.assert(
      fc.property(name, plainSecret, wildSecret, (name, plain, wild) => {
        for (const line of [
          `${name}=${plain} tool -v`,
          `${name}="${wild}" tool -v`,
          `export ${name}='${wild}'; tool`,
          `$env:${name} = "${wild}"; tool`,
          `set ${name}=${plain}&& tool`,
          `setx ${name} ${plain}`,
          `docker run -e ${name}=${plain} image`,
          `tool --set ${name}=${plain}`,
          `curl -d '{"${name}": "${wild}"}' example.com`,
          `curl -d '{"a":1,"${name}":"${plain}"}' example.com`,
          `curl -d a=1&${name}=${plain} example.com`,
          `curl -H "X-${name}: ${wild}" example.com`,
          `python3 -c "run(${name}='${wild.replace(/["']/g, '')}')"`,
          `cat <<E\n${name}: ${plain}\nE`,
          `tool 3<<<${plain.replace(/^[-#]+/, '')}`,
          `tool <<< '${wild}'`,
          `psql -c "SET PASSWORD FOR ann = '${wild.replace(/["']/g, '')}'"`,
          `echo ${plain} | tool --with-password`,
          `printf '${wild}' | tool --password-from-stdin`,
        ])
          assertGone(redactCommandLine(line))
        assertGone(redactArguments(['env', `${name}=${wild}`, 'tool']))
        assertGone(redactArguments(['docker', 'run', `-e${name}=${wild}`, 'image']))
      }),
      RUNS,
    )
  })

  it('Windows: paths, capitals, .exe, slashes', () => {
    const exe = fc.constantFrom(
      ['"C:\\Program Files\\SQL\\SQLCMD.EXE" -S h -U sa -P ', ' -Q x'],
      ['C:\\Tools\\PsExec64.exe -accepteula \\\\h -u ann -p ', ' cmd'],
      ['"C:\\Program Files\\PuTTY\\plink.exe" -batch -pw ', ' h'],
      ['C:\\Windows\\System32\\net.exe user ann ', ' /add'],
      ['SchTasks.exe /Create /RU ann /RP ', ' /TN x'],
      ['cmdkey.exe /generic:h /user:ann /pass:', ''],
      ['"C:\\Program Files\\7-Zip\\7z.exe" a -p', ' out.7z src'],
      ['powershell.exe -Command "Connect-It -Password ', '"'],
      ['powershell -c "$s = ConvertTo-SecureString ', ' -AsPlainText -Force"'],
    )
    fc.assert(
      fc.property(exe, plainSecret, ([before, after], secret) => {
        assertGone(redactCommandLine(`${before}${secret}${after}`))
        assertGone(redactCommandLine(`cmd /c ${before}${secret}${after}`))
      }),
      RUNS,
    )
  })

  it('again: what is masked stays masked, and grows no longer', () => {
    const any = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc
        .array(
          fc.constantFrom(
            '--token=',
            'x',
            ' ',
            '"',
            "'",
            '\\',
            '=',
            ':',
            '-p',
            'mysql ',
            'https://',
            '@',
            '/',
            ';',
            '|',
            '(',
            ')',
            'a1B2',
            '***',
            '\n',
            '\0',
            '\ud800',
          ),
          { maxLength: 40 },
        )
        .map((it) => it.join('')),
    )
    fc.assert(
      fc.property(any, (text) => {
        const once = redactCommandLine(text)
        const twice = redactCommandLine(once)
        const thrice = redactCommandLine(twice)
        assert.ok(thrice.length <= twice.length || thrice.length <= once.length, `${once}\n${twice}\n${thrice}`)
        assert.equal(typeof redactArguments(text.split(' ')), 'string')
      }),
      RUNS,
    )
    fc.assert(
      fc.property(program, plainSecret, (line, secret) => {
        const once = redactArguments(argumentsOf(line, secret))
        const twice = redactCommandLine(once)
        assertGone(twice)
        assert.ok(twice.length <= once.length, `${once}\n${twice}`)
      }),
      RUNS,
    )
  })
})
