/**
 * Names that hold a secret, and where the value behind such a name begins.
 *
 * Shape   a name is cut into words at `-`, `_`, `.` and capitals; one secret word makes the name secret, unless the
 *         last word says that it is something about the secret (`password-file`, `token_url`).
 * Units   time is linear: of each sign at most 64 characters before it are read, and none of them twice.
 */
const SECRET_WORDS = new Set(
  (
    'password passwd passphrase passcode passkey pass pwd pw psk secret secrets token tokens credential credentials ' +
    'cred creds auth authorization bearer cookie cookies jwt otp totp mfa pin puk pat sas apikey authkey accesskey ' +
    'secretkey privatekey mnemonic seedphrase dsn requirepass masterauth nthash ntlm hashes keymaterial keypair community tokenid deployid dcode'
  ).split(' '),
)
/** Words that end so hold one too, without a break: `DBPASSWORD`, `mytoken`, `dbpass`, `bindpw`. */
const SECRET_ENDS =
  /(?:password|passwd|passphrase|passcode|passwort|pwd|psk|secret|token|credential|apikey|authkey|accesskey|secretkey|privatekey|[a-z]auth|pass|[^aeiou]pw)s?\d{0,4}$/
/** Other words that end in 'pass'. */
const NO_SECRET = /(?:by|com|encom|sur|tres|under|over|multi|single|two|one|first|second|low|high|band)pass$/
/** `api-key`, `SIGNING_KEY`: the word before makes the key a secret one. */
const KEY_OF = new Set(
  (
    'api access secret private auth account encryption signing license licence shared preshared service deploy ' +
    'master aws setup enroll enrollment recovery unlock storage session stripe app application client consumer ' +
    'product subscription ingest write admin root host pre network wifi wep webhook cluster sending'
  ).split(' '),
)
/** A variable in capitals whose name ends in KEY holds one, whatever comes before, except these. */
const OPEN_KEYS = /(?:PUBLIC|PUB|PRIMARY|FOREIGN|SORT|PARTITION|HOT|SHORTCUT|CACHE|ROUTING|GROUP|INDEX)_?KEYS?$/
const HARMLESS_ENDS = new Set(
  (
    'file files path dir directory folder ttl stdin fd type mode length len expiry expires timeout prompt policy store ' +
    'format endpoint sock socket url uri host hostname port user username method realm provider plugin plugins scheme ' +
    'enabled disabled required only level name names backend helper manager agent service server module env ' +
    'checking verification rotation exchange algorithms count limit size budget scopes scope audience issuer status list'
  ).split(' '),
)
/** Secret as an option only: `--code=4/0Ab…` registers a remote desktop, `code=1` is an exit status. */
const SECRET_OPTIONS = new Set('code key sig signature session sid p12 pfx license licence seed hash hmac'.split(' '))
/** What `--key` takes as often: a file. */
const FILE =
  /^["']?(?:[./~%$\\]|[A-Za-z]:[\\/])|\.(?:pem|key|crt|cer|der|pub|p12|pfx|jks|json|ya?ml|txt|gpg|asc)["']?$/i
/** Quick test: a name that contains none of these is not secret. */
const HINT =
  /pass|pw|psk|secret|token|cred|auth|bearer|cookie|jwt|otp|pin|puk|pat|sas|key|mnemonic|seed|dsn|mfa|nt(?:hash|lm)|hashes|community|deployid|dcode|sonar\.login/i
/** Headers whose whole rest is secret, blanks included. */
const SECRET_HEADERS = /authorization|cookie/i
const HEADER = /^-?["']?(?:-H["']?)?([A-Za-z-]{4,40}):/

export function isSecretName(name: string): boolean {
  if (name.length < 2 || name.length > 128 || !HINT.test(name) || !/^[\w.-]+$/.test(name)) return false
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1-$2')
    .toLowerCase()
    .split(/[-_.]/)
    .filter((word) => word !== '')
  if (HARMLESS_ENDS.has(words.at(-1) ?? '')) return false
  // A token, whatever its name says (SonarQube's manual).
  if (words.at(-1) === 'login' && words.at(-2)?.endsWith('sonar')) return true
  for (const [at, word] of words.entries()) {
    if (SECRET_WORDS.has(word) || SECRET_WORDS.has(word.replace(/\d{1,4}$/, ''))) return true
    if (SECRET_ENDS.test(word) && !NO_SECRET.test(word)) return true
    if ((word === 'key' || word === 'keys') && KEY_OF.has(words[at - 1] ?? '')) return true
  }
  return (
    /^[A-Z][A-Z0-9_]*KEYS?(?:_?\d{1,2})?$/.test(name) && name.length > 4 && !OPEN_KEYS.test(name) && name.includes('_')
  )
}

export function isSecretOption(name: string): boolean {
  return SECRET_OPTIONS.has(name.toLowerCase()) || isSecretName(name)
}

/** True when `value` is a file for an option that takes a file or a secret. */
export function isFileOf(option: string, value: string): boolean {
  return /^(?:key|p12|pfx|cert|auth|auth-user-pass)$/i.test(option) && FILE.test(value)
}

/** Where the value of `Authorization: …` begins in a text that is a header, or 0. */
export function secretHeaderEnd(text: string): number {
  const found = HEADER.exec(text.slice(0, 64))
  return found !== null && SECRET_HEADERS.test(found[1]!) ? found[0].length : 0
}

/** Functions that are given a user and a password. */
const CALLS = new Set('pdo mysqli mysqli_connect pg_connect login authenticate'.split(' '))
const NAME_BEFORE = /[A-Za-z0-9_.-]/

/**
 * Where the value behind a secret name begins: `--token=`, `PASSWORD:`, `a=1&pin=`, `"password","`, `Credential(`,
 * `<password>`, `pin%3D`. 0: nowhere. The value is not empty. Behind a blank only in a word that is one value as a whole:
 * other text with blanks is read word by word.
 */
export function secretValueStart(word: string, isWhole: boolean): number {
  for (let at = 1; at < word.length - 1; at++) {
    const sign = word.charCodeAt(at)
    if (sign === 32 && !isWhole) return 0
    let valueAt = at + 1
    // = : ( > , %3D
    if (sign === 37) {
      if (!/^%3[da]/i.test(word.slice(at, at + 3))) continue
      valueAt = at + 3
    } else if (sign !== 61 && sign !== 58 && sign !== 40 && sign !== 62 && sign !== 44) continue
    let nameEnd = at
    while (nameEnd > 0 && isQuote(word.charCodeAt(nameEnd - 1))) nameEnd--
    if (sign === 44 && nameEnd === at) continue
    let nameStart = nameEnd
    while (nameStart > 0 && nameEnd - nameStart < 64 && NAME_BEFORE.test(word[nameStart - 1]!)) nameStart--
    if (nameStart === nameEnd) continue
    if (sign === 62 && word[nameStart - 1] !== '<') continue
    while (valueAt < word.length && (word[valueAt] === '=' || word[valueAt] === '>' || word[valueAt] === ' ')) valueAt++
    if (valueAt >= word.length) continue
    const name = word.slice(nameStart, nameEnd)
    if (isSecretName(name) || (sign === 40 && CALLS.has(name.toLowerCase().replace(/^.*\./, '')))) return valueAt
    const isOption =
      /^["']?(?:-{1,2}|\/)$/.test(word.slice(0, Math.min(nameStart, 4))) || (nameStart === 0 && name[0] === '-')
    const bare = name.replace(/^-{1,2}/, '')
    if (isOption && isSecretOption(bare) && !isFileOf(bare, word.slice(valueAt))) return valueAt
  }
  return 0
}

/** The secret name that a word ends in, with the sign behind it: the next word is the value. */
export function endsInSecretName(word: string): boolean {
  if (!/[:="'>D]$/i.test(word)) return false
  const found = /([A-Za-z0-9_.-]{2,64})\\?["']?(?:[:=]=?|=>|%3[dD])\\?["']?$/.exec(word.slice(-80))
  return found !== null && isSecretName(found[1]!)
}

function isQuote(code: number): boolean {
  return code === 34 || code === 39 || code === 92 || code === 93 || code === 96
}
