/**
 * Removes secrets and the paths of URLs from command lines before anything else processes them.
 *
 * Shape   option and variable names stay, and their values become `***`; a URL keeps scheme and host. When in doubt,
 *         the value is removed: removing too much costs a rule a detail, removing too little exposes an account.
 * Units   at most 8,192 characters of input, at most 8,192 of output.
 * Errors  none: any string gives a string. Time is linear in the input.
 * Blind   a secret that is a plain word where none of the tables below expects one (`mytool hunter2`), and the paths of
 *         URLs without a scheme (`curl example.com/a`), are not removed.
 */
const MAX = 8_192
const REDACTED = '***'

/** A name that contains one of these words has a secret value … */
const SECRET_WORDS = new Set(
  (
    'password passwd passphrase passcode pass pwd psk secret secrets token tokens credential credentials cred creds ' +
    'auth authorization bearer cookie jwt otp totp pin pat sas apikey authkey accesskey secretkey privatekey'
  ).split(' '),
)
/** … and so does a name with such a suffix: `DBPASSWORD`, `mytoken`. */
const SECRET_ENDS =
  /(?:password|passwd|passphrase|passcode|pwd|psk|secret|token|credential|apikey|authkey|accesskey)s?\d{0,4}$/
/** Words that make a following `key` a secret: `api-key`, `SIGNING_KEY`. */
const KEY_OF = new Set(
  'api access secret private auth account encryption signing license shared preshared service deploy master aws'.split(
    ' ',
  ),
)
/** … unless its last word means something about the secret, such as its file. */
const HARMLESS_ENDS = new Set(
  'file path dir directory folder ttl stdin fd type mode length expiry timeout prompt policy store format endpoint'.split(
    ' ',
  ),
)
/** Secret only as an option: `--code=4/0Ab…` registers a remote desktop, but `code=1` is an exit status. */
const SECRET_OPTIONS = new Set(['code', 'key', 'sig', 'signature', 'session', 'p12', 'pfx'])
/** Headers whose whole value is secret, including blanks. */
const SECRET_HEADERS = /authorization|cookie/i

/** Short options with a secret value, by program: joined to the option, or as the next word. */
interface ShortOptions {
  joined?: readonly string[]
  next?: readonly string[]
}
const SHORT = new Map<string, ShortOptions>(
  Object.entries({
    mysql: { joined: ['-p'] },
    mysqldump: { joined: ['-p'] },
    mysqladmin: { joined: ['-p'] },
    mariadb: { joined: ['-p'] },
    'mariadb-dump': { joined: ['-p'] },
    sshpass: { joined: ['-p'], next: ['-p'] },
    '7z': { joined: ['-p'] },
    '7za': { joined: ['-p'] },
    '7zr': { joined: ['-p'] },
    rar: { joined: ['-hp', '-p'] },
    unrar: { joined: ['-p'] },
    zip: { joined: ['-P'], next: ['-P'] },
    unzip: { joined: ['-P'], next: ['-P'] },
    curl: { joined: ['-u', '-U', '-b'], next: ['-u', '-U', '-b', '--user', '--proxy-user'] },
    'redis-cli': { joined: ['-a'], next: ['-a'] },
    ldapsearch: { joined: ['-w'], next: ['-w'] },
    smbclient: { joined: ['-U'], next: ['-U'] },
    docker: { joined: ['-p'], next: ['-p'] },
    podman: { joined: ['-p'], next: ['-p'] },
    xfreerdp: { joined: ['/p:'], next: ['-p'] },
    rdesktop: { joined: ['-p'], next: ['-p'] },
    openssl: { next: ['-k', '-K'] },
    teamviewer: { next: ['passwd'] },
  }),
)
/** Programs that read a secret from a pipe: what is echoed into them is removed. */
const PIPED_IN = /--set-password|--password-stdin|--stdin|chpasswd|\bsudo +-S\b/

/**
 * Keys with a recognisable format, in any place. Each is a fixed prefix and one character class, so nothing backtracks.
 */
const KNOWN_KEYS =
  /(?:AKIA|ASIA)[0-9A-Z]{12,}|gh[opsur]_[A-Za-z0-9]{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|xox[abeprs]-[\w-]{8,}|sk-[\w-]{16,}|[sr]k_live_\w{8,}|AIza[\w-]{20,}|npm_\w{20,}|hf_\w{20,}|ya29\.[\w.-]{8,}|tskey-[\w-]{8,}|eyJ[\w-]{8,}(?:\.[\w-]*)*/g

/** A command line as the kernel has it, one string per argument, so that a value with blanks is removed as a whole. */
export function redactArguments(args: readonly string[]): string {
  const out: string[] = []
  let tool = programOf(args[0] ?? '')
  let redactNext = false
  let size = 0
  for (const arg of args) {
    if (size > MAX) break
    const argument = arg.slice(0, MAX - Math.min(size, MAX))
    size += argument.length + 1
    if (redactNext && !/^--[a-z]/.test(argument)) {
      out.push(REDACTED)
      redactNext = false
      continue
    }
    if (SHORT.has(programOf(argument))) tool = programOf(argument)
    const header = secretHeaderEnd(argument)
    out.push(
      header > 0 ? `${argument.slice(0, header)} ${REDACTED}` : redactWords(argument, tool, isOneValue(argument)),
    )
    redactNext = isSecretNext(argument, tool)
  }
  return out.join(' ').slice(0, MAX)
}

/** A command line as one string, as in a crontab or a unit file. */
export function redactCommandLine(line: string): string {
  return redactWords(line.slice(0, MAX), '', false).slice(0, MAX)
}

/** Redacts word by word. `whole`: the text is one argument, so that a value extends to its end. */
function redactWords(text: string, startTool: string, whole: boolean): string {
  const piped = text.includes('|') && PIPED_IN.test(text)
  let tool = startTool
  let out = ''
  let at = 0
  let redactNext = false
  let echoing = false
  while (at < text.length) {
    const start = at
    while (at < text.length && isBlank(text.charCodeAt(at))) at++
    out += text.slice(start, at)
    if (at >= text.length) break
    let end = at
    while (end < text.length && !isBlank(text.charCodeAt(end))) end++
    const word = text.slice(at, end)

    if (echoing && word.startsWith('|')) echoing = false
    if ((redactNext && !/^--[a-z]/.test(word)) || echoing) {
      // 'Bearer abc': the scheme stays, the next word is removed.
      const scheme = /^["']?(?:bearer|basic|token|digest|negotiate)$/i.test(word)
      const close = whole && !echoing ? text.length : valueEnd(text, at)
      out += scheme ? word : REDACTED + (echoing || whole ? '' : closingQuotes(text.slice(at, close)))
      at = scheme ? end : close
      redactNext = scheme
      continue
    }
    const program = programOf(word)
    if (SHORT.has(program)) tool = program
    if (piped && (program === 'echo' || program === 'printf')) echoing = true

    const header = secretHeaderEnd(word)
    if (header > 0) {
      // To the end of the quoted text that contains it, or of the line.
      const quote = word[0] === '"' || word[0] === "'" ? word[0] : null
      const close = quote === null ? -1 : text.indexOf(quote, at + header)
      out += `${word.slice(0, header)} ${REDACTED}`
      at = close === -1 ? text.length : close
      continue
    }
    const value = secretValueStart(word, tool)
    if (value > 0) {
      const close = whole ? text.length : Math.max(end, valueEnd(text, at + value))
      const before = redactPlain(word.slice(0, value))
      out += (before.endsWith(REDACTED) ? before : before + REDACTED) + closingQuotes(text.slice(at + value, close))
      at = close
      continue
    }
    out += redactPlain(word)
    at = end
    redactNext = isSecretNext(word, tool) || /^["']?bearer$/i.test(word)
  }
  return out
}

/** An option or assignment, in which blanks belong to the value; not a shell line (`sh -c 'a; b'`). */
function isOneValue(argument: string): boolean {
  return argument.startsWith('-') || /^[A-Za-z_][\w.-]{0,63}=/.test(argument) || !/\s/.test(argument)
}

/** Where a secret begins in a word (`--token=`, `PASSWORD:`, `a=1&pin=`, `-p…`), or 0. */
function secretValueStart(word: string, tool: string): number {
  for (const option of SHORT.get(tool)?.joined ?? [])
    if (word.startsWith(option) && word.length > option.length) return option.length
  const option = /^["']?[-/]/.test(word)
  for (let at = 1; at < word.length; at++) {
    const sign = word[at]
    if (sign !== '=' && sign !== ':') continue
    let nameEnd = at
    while (nameEnd > 0 && (word[nameEnd - 1] === '"' || word[nameEnd - 1] === "'" || word[nameEnd - 1] === '\\'))
      nameEnd--
    let nameStart = nameEnd
    while (nameStart > 0 && nameEnd - nameStart < 64 && /[A-Za-z0-9_.-]/.test(word[nameStart - 1]!)) nameStart--
    const name = word.slice(nameStart, nameEnd)
    const first = /^["']?-{0,2}$|^\/$/.test(word.slice(0, nameStart))
    if (at + 1 < word.length && (isSecretName(name) || (option && first && isSecretOption(name)))) return at + 1
  }
  return 0
}

/** True if the next word is a secret. */
function isSecretNext(word: string, tool: string): boolean {
  const bare = word.replace(/^["'({]{1,4}/, '')
  if (SHORT.get(tool)?.next?.includes(bare)) return true
  if (/[=:]["']?$/.test(bare)) {
    const name = bare
      .slice(-72)
      .replace(/["']?[=:]["']?$/, '')
      .replace(/["']$/, '')
    return isSecretName(/[A-Za-z0-9_.-]{1,64}$/.exec(name)?.[0] ?? '')
  }
  if (!bare.startsWith('-')) return false
  const name = bare.replace(/^--?/, '')
  return /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/.test(name) && (isSecretName(name) || isSecretOption(name))
}

function isSecretName(name: string): boolean {
  if (name.length < 3) return false
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .toLowerCase()
    .split(/[-_.]/)
    .filter((word) => word !== '')
  const last = words.at(-1) ?? ''
  if (HARMLESS_ENDS.has(last)) return false
  if (words.some((word) => SECRET_WORDS.has(word.replace(/\d{1,4}$/, '')) || SECRET_ENDS.test(word))) return true
  return words.some((word, at) => (word === 'key' || word === 'keys') && KEY_OF.has(words[at - 1] ?? ''))
}

function isSecretOption(name: string): boolean {
  return SECRET_OPTIONS.has(name.toLowerCase().replace(/^-{1,2}/, ''))
}

/** Where the value of `Authorization: …` begins, or 0. */
function secretHeaderEnd(text: string): number {
  const colon = text.slice(0, 64).indexOf(':')
  if (colon < 1) return 0
  const name = text.slice(0, colon).replace(/^-?["']?(?:-H["']?)?/, '')
  return /^[A-Za-z-]+$/.test(name) && SECRET_HEADERS.test(name) ? colon + 1 : 0
}

/** A quoted value ends at its closing quote, or at the end of the text if there is none; others at a blank. */
function valueEnd(text: string, from: number): number {
  const quote = text[from]
  if (quote === '"' || quote === "'") {
    const close = text.indexOf(quote, from + 1)
    return close === -1 ? text.length : close + 1
  }
  let end = from
  while (end < text.length && !isBlank(text.charCodeAt(end))) end++
  return end
}

/** A quote that was opened before the value and closes after it is kept. */
function closingQuotes(value: string): string {
  const last = value.at(-1)
  return (last === '"' || last === "'") && value[0] !== last ? last : ''
}

/** A word that is not a secret by its name: removes the paths of URLs, and keys with a recognisable format. */
function redactPlain(word: string): string {
  return redactAddresses(word).replace(KNOWN_KEYS, REDACTED)
}

function redactAddresses(word: string): string {
  let out = ''
  let at = 0
  for (;;) {
    const sign = word.indexOf('://', at)
    if (sign === -1) break
    let hostEnd = sign + 3
    while (hostEnd < word.length && !/["'`<>|/?#\\]/.test(word[hostEnd]!)) hostEnd++
    let end = hostEnd
    while (end < word.length && !/["'`<>|]/.test(word[end]!)) end++
    const host = word.slice(sign + 3, hostEnd)
    const user = host.lastIndexOf('@')
    const rest = end - hostEnd > 1 ? `/${REDACTED}` : word.slice(hostEnd, end)
    out += word.slice(at, sign + 3) + (user === -1 ? host : `${REDACTED}${host.slice(user)}`) + rest
    at = end
  }
  const tail = word.slice(at)
  const bare = /^(["'(]{0,2})(file|data|javascript|otpauth|mailto):(?!\/\/)/i.exec(tail)
  return out + (bare && at === 0 ? `${bare[0]}${REDACTED}` : tail)
}

/** `mysql` of `/usr/bin/mysql`, and of `"C:\MySQL\bin\MySQL.exe"`: Windows reads no case in a name. */
function programOf(word: string): string {
  const bare = word
    .slice(0, 4_096)
    .replace(/^["'(]{1,3}/, '')
    .replace(/["']$/, '')
  const name = bare.slice(Math.max(bare.lastIndexOf('/'), bare.lastIndexOf('\\')) + 1)
  return /\.exe$/i.test(name) ? name.slice(0, -4).toLowerCase() : name
}

function isBlank(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13)
}
