/**
 * Guesses for programs that no table knows: what their options and sub-commands mean in most programs.
 *
 * Shape   `-p` beside an option for a user is a password; alone it is one when it looks so; `-u ann:pw1` is a user with a
 *         password, and so is `user=ann:pw1`; plain words behind `login` are a user and a password, behind `users add` and
 *         `apikey save` a name and a secret.
 * Blind   options of other letters, and plain words behind other sub-commands.
 */

/** Options that often take a password, for programs that no table knows; certainly so beside one that takes a user. */
const MAYBE_PASSWORD = /^-(?:[pPwW]|pw)$/
const USER_OPTION = /(?:^|\s)["']?(?:-[uU]|--?(?:user|username|login|account|principal)\b)/
/** `-xu ann -xp pw`. */
const PASSWORD_BESIDE = /^-([A-Za-z]{1,2})p(?:w|ass)?$/
/** A password only when it looks so: keys of ciphers, values of what has a secret name. */
const MAYBE_KEY = /^-[kK]$/
const MAYBE_LOGIN = /^(?:-[uUnaAc]|--?(?:user|username|login|account|auth|basic|creds?))$/
const LOGIN_VALUE = /(?:^|[,;&?_-])(?:user|username|login|account)=(?=[^\s:%,]{1,64}[:%])/i
/** Sub-commands behind which plain words are a user and a password. */
const USER_VERB = /^\+?(?:log-?in|sign-?in|(?:add|create)[-_]?user)$/
const PASSWORD_VERB = /^(?:change|set|reset|update|modify|new)[-_]?(?:user|account|admin)?[-_]?pass(?:word|wd)?$/
/** `users add ann pw`, `apikey save office key`: the second plain word behind both. */
const USERS = /^(?:users?|accounts?|logins?)$/
const SECRETS = /^(?:api-?keys?|tokens?|passwords?|secrets?|credentials?|creds)$/
const ADD_VERB = /^(?:add|create|new|save|set|put|store|update|import)$/
/** A word of the line says that a value in it is secret, wherever it is. */
const SAYS_SECRET =
  /(?:^|[\s/._-])(?:secure-?string|secrets?|passwords?|passwd|credentials?|api-?keys?|tokens?)(?:$|[\s/._-])/i
const USER_WORDS = new Set(['user', 'username', 'login', 'account', 'name'])
/** Common programs whose `-p` and `-u` are something else. */
const NO_PASSWORD = new Set(
  (
    'mkdir cp mv tar rsync scp install ps cargo nmap read pytest npx pnpm make ls git virtualenv patch lsof fuser ' +
    'pgrep pkill kill rmdir touch tmux less chown useradd psql'
  ).split(' '),
)
/** Programs that start another one: the name of that follows, or a place and then the name. */
const WRAPPERS = new Set('sudo doas env nohup time nice ionice timeout xargs strace setsid stdbuf watch'.split(' '))
const PLACES = new Set('ssh docker podman nerdctl kubectl'.split(' '))

export type Guess = 'none' | 'password' | 'maybe password' | 'maybe login'

/** The options of a whole command line, because the user may follow the password. */
export class Options {
  readonly #all: () => string
  #words: Set<string> | null = null
  #hasUser: boolean | null = null
  #nameSecret: boolean | null = null

  constructor(all: () => string) {
    this.#all = all
  }

  has(option: string): boolean {
    this.#words ??= new Set(this.#all().split(/\s+/))
    return this.#words.has(option)
  }

  hasUser(): boolean {
    return (this.#hasUser ??= USER_OPTION.test(this.#all()))
  }

  nameSecret(): boolean {
    return (this.#nameSecret ??= SAYS_SECRET.test(this.#all()))
  }
}

/** What `option` of `program` takes as the next word. `hasName`: a secret was named before. */
export function guessOption(program: string, option: string, options: Options, hasName: boolean): Guess {
  if (NO_PASSWORD.has(program)) return 'none'
  if (MAYBE_KEY.test(option) || (hasName && option === '-v')) return 'maybe password'
  if (MAYBE_LOGIN.test(option)) return 'maybe login'
  const prefix = PASSWORD_BESIDE.exec(option)?.[1]
  if (prefix !== undefined && options.has(`-${prefix}u`)) return 'password'
  if (!MAYBE_PASSWORD.test(option)) return 'none'
  return options.hasUser() ? 'password' : 'maybe password'
}

/** True when the next word is what was guessed. */
export function isGuessed(guess: Guess, word: string): boolean {
  if (guess === 'password') return !isNoPassword(word)
  if (guess === 'maybe password') return looksLikePassword(word)
  return guess === 'none' || looksLikeLogin(word)
}

/** Where user and password begin in `-uann:pw1` or `user=ann:pw1,uid=0`; 0: nowhere. */
export function loginIn(word: string): number {
  if (/^-[uU][^\s-]/.test(word) && looksLikeLogin(word.slice(2))) return 2
  const found = word.length > 8_192 ? null : LOGIN_VALUE.exec(word)
  const at = found === null ? 0 : found.index + found[0].length
  return at > 0 && looksLikeLogin(word.slice(at).split(',')[0]!) ? at : 0
}

/** Which plain word behind the sub-command `verb` is a secret, counted from 1; 0: none. */
export function secretBehind(verb: string): number {
  return USER_VERB.test(verb) ? 2 : PASSWORD_VERB.test(verb) ? 1 : 0
}

/** The same for two words: `users add ann pw`. */
export function secretBehindPair(before: string, word: string): number {
  return ADD_VERB.test(word) && (USERS.test(before) || SECRETS.test(before)) ? 2 : 0
}

/** What stands between a user and a password: `login ann https://h.example/ key`, `secret create name ./file`. */
export function isAddress(word: string): boolean {
  return word.includes('://') || /^[./~]|^[\w.-]+@[\w-]+(?:\.[\w-]+)+$/.test(word)
}

/** `user ann password pw`: the word, and the one two before it. */
export function isPasswordOfUser(word: string, twoBefore: string): boolean {
  return /^pass(?:word|wd|phrase)?$/.test(word) && USER_WORDS.has(twoBefore)
}

export function isWrapper(program: string): boolean {
  return WRAPPERS.has(program)
}

/** True for programs behind which another one comes at once, or behind a place: `ssh h.example program`. */
export function runsOther(program: string): boolean {
  return WRAPPERS.has(program) || PLACES.has(program)
}

/** A port, a path, a host with a port: what `-p` of a program with a user may be else. */
function isNoPassword(word: string): boolean {
  return /^\d{1,5}(?:[:,-]\d{1,5})*$|^[./~]|^[A-Za-z]:[\\/]|^[\w.-]+:\d{1,5}$|^[\w.-]*\/[\w./-]*$/.test(word)
}

export function looksLikePassword(word: string): boolean {
  return (
    /^[\w!@#$%^&*+?-]{6,128}$/.test(word) &&
    /[A-Za-z]/.test(word) &&
    /[0-9]/.test(word) &&
    !/^[A-Za-z]+-[\w-]*$/.test(word)
  )
}

/** `ann:pw1`, `ann%pw1`, not `1000:1000` nor `www-data:www-data`. */
function looksLikeLogin(word: string): boolean {
  const password = /^[^\s:%]{1,128}[:%](?!\/\/)(\S{4,})$/.exec(word)?.[1]
  return password !== undefined && /[A-Za-z]/.test(password) && /[^A-Za-z._-]/.test(password)
}
