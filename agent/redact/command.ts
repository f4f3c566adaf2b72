/**
 * Reads a command line word by word and masks what is secret in it.
 *
 * Shape   three layers, in this order: what the programs of the line take (tools.ts), what names say (names.ts), and
 *         what a word itself looks like (addresses.ts, patterns.ts, shape.ts). A program counts wherever its name
 *         appears, and until the command ends, so that `sudo -u ann env X=1 mysql -ppw` needs no table of wrappers. Text
 *         in quotes is read as a command line of its own, for which the programs around it count, too.
 * Units   time is linear: each character is read a fixed number of times, and text in quotes once more for each level.
 */
import { maskAddresses, maskHostPath } from './addresses.ts'
import {
  type Guess,
  guessOption,
  isAddress,
  isGuessed,
  isPasswordOfUser,
  isWrapper,
  loginIn,
  looksLikePassword,
  Options,
  runsOther,
  secretBehind,
  secretBehindPair,
} from './guesses.ts'
import { endsInSecretName, isFileOf, isSecretName, isSecretOption, secretHeaderEnd, secretValueStart } from './names.ts'
import { maskTokens } from './patterns.ts'
import { maskRandom } from './shape.ts'
import { optionOf, programOf, TOOLS, type Tool } from './tools.ts'
import { closingQuotes, indexInQuoted, isBlank, isQuote, operatorIn, Quotes, unquoted, valueEnd } from './words.ts'

const MASK = '***'
/** Quotes within quotes: what is deeper is masked. */
const MAX_DEPTH = 5
/** Lines of the table that count at once; the oldest are dropped. */
const MAX_RUNNING = 16
const PHRASE = /phrase|mnemonic|seed/i
/** Words of a passphrase. */
const MAX_PHRASE = 24
const MAX_WORD = 128

/** Programs that read a secret from a pipe: what is echoed into them is masked. */
const PIPED_IN =
  /pass(?:word|wd|phrase|code)|stdin|pdbedit|sudo +-S|with-token|cryptsetup|kinit|ssh-add|ConvertTo-SecureString|secret(?:s|-tool)? +(?:create|store|set|put)|pass +insert|unlock|\blogin\b|\bauth\b/i
const ECHO = new Set(['echo', 'printf', 'print', 'yes', 'write-output', 'write-host'])
const SHELLS = new Set(
  'sh bash zsh dash ksh fish ash csh tcsh busybox cmd powershell pwsh su wsl script watch'.split(' '),
)
/** Schemes of HTTP, wherever a secret is due; and those that announce one by themselves. */
const SCHEME = /^(?:bearer|basic|token|digest|negotiate|apikey)$/i
const BARE_SCHEME = /^(?:bearer|Bearer|BEARER|Basic|Digest|Negotiate)$/
/** `--verbose`, `-v`, `-AsPlainText` are no values. A value that begins with a dash has digits or other signs, too. */
const OPTION = /^(?:--[A-Za-z][A-Za-z-]*(?:=.*)?|-[A-Za-z0-9]|-[A-Z][a-z]+[A-Z][A-Za-z]+)$/
const ASSIGN = /^(?:[=:]{1,2}|:=|=>|\+=|-eq)$/
/** `<<< pw`, `3<<<pw`. */
const HERE_STRING = /^\d{0,2}<<</
/** `aws configure set NAME VALUE`, `setx NAME VALUE`, `git config NAME VALUE`. */
const SETTERS = new Set('set setx config config:set put add update set-secret setenv export --set'.split(' '))
/** The value of what was named before: `/v DefaultPassword /d X`, `--name db-password --value X`. */
const VALUE_OPTION = /^(?:--?|\/)(?:(?:[a-z]{1,20}-)?value|body|d|data|string|newvalue|text)(?:[=:](.*))?$/i
const SCRIPT_OPTION = /^(?:-[a-z]{0,3}c|\/[ckr]|-{1,2}command)$/i
/** `user/password@database`, of which the user stays. */
const SLASH_PAIR = /^[\w$#.-]{1,64}\/(?=.)/
/** In the place of a secret: a drive or a share of `net use`, a question, standard input. */
const NO_SECRET = /^(?:\\\\.*|[A-Za-z]:|\*|-)$/
/** An argument that begins with an address, in whose password there may be blanks. */
const ADDRESS = /^(?:[\w.-]{1,64}=)?(?:[A-Za-z][\w+.-]{1,31}:\/\/\S|[^\s:@]{1,64}:[^@]*@)/

/** What the next word is, judged by the words before it. */
type Pending = Guess | 'secret' | 'phrase' | 'piped'

interface Running {
  readonly tool: Tool
  /** So many of the tool's verbs have come. */
  verbs: number
  /** So many plain words have come behind them. */
  plain: number
}

/** A text with what must be known of all of it. */
class Text {
  readonly all: string
  readonly quotes: Quotes
  readonly isPiped: boolean

  constructor(all: string) {
    this.all = all
    this.quotes = new Quotes(all)
    this.isPiped = all.includes('|') && PIPED_IN.test(all)
  }
}

/** A word, and where it is. */
interface Word {
  readonly text: Text
  readonly at: number
  readonly end: number
  readonly raw: string
  /** Without quotes. */
  readonly bare: string
  /** The word is a whole argument: a value reaches to its end. */
  readonly isWhole: boolean
}

export class CommandReader {
  out = ''
  /** The options of the whole command line. */
  readonly #options: Options
  #running: Running[] = []
  /** The first program of the command. */
  #program = ''
  /** Another program comes somewhere behind it. */
  #isWrapped = false
  /** The last program that is known is a shell. */
  #isShell = false
  #pending: Pending = 'none'
  /** The option that made it so. */
  #option = ''
  #phrase = 0
  /** The word before is the name of a secret; some word of this command is. */
  #isNamed = false
  #hasName = false
  #lastPlain = ''
  #plainBeforeLast = ''
  #isBehindOption = false
  #lastWord = ''
  /** In quotes, and no command of a shell. */
  #isProse = false
  /** The sub-command takes a secret as its plain word of this number; 0: it has none. */
  #secretPlain = 0
  /** It has come. */
  #wasSecretPlain = false
  #depth = 0

  constructor(all: () => string) {
    this.#options = new Options(all)
  }

  /** One argument, as the kernel keeps it. */
  argument(argument: string): void {
    const isCommand = this.#isShell && SCRIPT_OPTION.test(this.#lastWord)
    const isScript = /\s/.test(argument) && (isCommand || !isOneValue(argument))
    const mayBeSecret = this.#pending !== 'none' || this.#running.some((it) => mayTake(it, argument))
    if (isScript && (isCommand || !mayBeSecret)) this.#inner(argument, isCommand)
    else this.#word(new Text(argument), 0, argument.length, true)
  }

  /** A command line in one string. */
  line(line: string): void {
    const text = new Text(line)
    let at = 0
    let wordEnd = 0
    while (at < line.length) {
      const start = at
      while (at < line.length && isBlank(line.charCodeAt(at))) at++
      const blank = line.slice(start, at)
      if (start > 0 && blank.includes('\n') && line[start - 1] !== '\\') this.#endCommand()
      this.out += blank
      if (at >= line.length) break
      // What an operator cut off is still of the same word.
      if (at >= wordEnd) wordEnd = text.quotes.endOfWord(at)
      at = this.#word(text, at, this.#pending === 'none' ? operatorIn(line, at, wordEnd) : wordEnd, false)
    }
  }

  #endCommand(): void {
    this.#running = []
    this.#program = ''
    this.#isWrapped = false
    this.#hasName = false
    this.#lastPlain = ''
    this.#plainBeforeLast = ''
    this.#isBehindOption = false
    this.#secretPlain = 0
    this.#wasSecretPlain = false
    if (this.#pending !== 'secret') this.#pending = 'none'
  }

  /** Returns the index at which reading continues: a value may extend beyond its word. */
  #word(text: Text, at: number, end: number, isWhole: boolean): number {
    const raw = text.all.slice(at, end)
    const word: Word = { text, at, end, raw, bare: unquoted(raw), isWhole }
    if (!isWhole && /^[;|&]+$/.test(raw)) {
      this.#pending = 'none'
      this.#endCommand()
      return this.#keep(word)
    }
    if (this.#pending !== 'none') {
      const next = this.#afterPending(word)
      if (next !== -1) return next
    }
    const isOption = /^[-\u2013\u2014]/.test(word.bare)
    if (!isOption) this.#noteProgram(word)
    if (this.#pending !== 'none') return this.#keep(word)
    const wasBehindOption = this.#isBehindOption
    this.#isBehindOption = isOption && !/[=:]/.test(word.bare)
    const next = this.#byTool(word, isOption) ?? this.#byName(word, isOption, wasBehindOption) ?? this.#emit(word)
    this.#lastWord = word.bare.length < MAX_WORD ? word.bare : ''
    return next
  }

  /** Reads a word that the one before it may make secret. -1: it does not. */
  #afterPending(word: Word): number {
    const { raw, bare } = word
    const pending = this.#pending
    if (pending === 'piped' && !raw.startsWith('|')) {
      this.out += MASK + closingQuotes(raw)
      return word.end
    }
    if (ASSIGN.test(bare) || SCHEME.test(bare)) return this.#keep(word)
    const option = this.#option
    this.#pending = 'none'
    this.#option = ''
    if (pending === 'piped') {
      this.#endCommand()
      return this.#keep(word)
    }
    const isUnclear = /^-[A-Za-z-]{2,40}$/.test(bare)
    if (OPTION.test(bare) || isFileOf(option, bare) || (isUnclear && isSecretOption(bare.slice(1)))) return -1
    // `-keypass -keystore x`: either an option or a value that looks like one, so that both are masked.
    if (isUnclear && pending === 'secret') this.#pending = pending
    if (pending !== 'secret' && pending !== 'phrase' && !isGuessed(pending, bare)) return -1
    if (pending === 'phrase') {
      if (this.#phrase > 0 && !/^[A-Za-z0-9'"]+$/.test(raw)) return -1
      // Words in quotes are all of it.
      if (!/\s/.test(raw) && ++this.#phrase < MAX_PHRASE) this.#pending = 'phrase'
    }
    // It may be a plain word as well: `ipmitool user set password 2 pw`. Counted once too often, too much is masked.
    for (const it of this.#running) if (it.verbs === it.tool.verbs.length) it.plain++
    return this.#mask(word, 0)
  }

  #noteProgram({ bare, text }: Word): void {
    if (bare.length > 4_096) return
    const name = bare.includes('=') ? bare.slice(bare.lastIndexOf('=') + 1) : bare
    const isPlain = !/^[({$`@!&]|[;)`]$/.test(name)
    const program = programOf(isPlain ? name : name.replace(/^[({$`@!&]{1,4}/, '').replace(/[;)`]$/, ''))
    if (program === '') return
    for (const it of this.#running) if (it.tool.verbs[it.verbs] === program) it.verbs++
    const tools = TOOLS.get(program)
    if (SHELLS.has(program)) this.#isShell = true
    else if (tools !== undefined) this.#isShell = false
    const isNew = tools !== undefined && this.#running.every(({ tool }) => !tools.includes(tool))
    if (this.#running.some(({ tool, plain }) => tool.endsAtFirst && (isNew || plain >= 0)))
      this.#running = this.#running.filter(({ tool }) => !tool.endsAtFirst)
    // -1: the program's own name is the first plain word.
    if (isNew) {
      for (const tool of tools) this.#running.push({ tool, verbs: 0, plain: -1 })
      this.#running = this.#running.slice(-MAX_RUNNING)
    }
    const isFirst = this.#program === '' || (isWrapper(this.#program) && !this.#isBehindOption)
    if (isFirst && !/^[A-Za-z_]\w*=/.test(bare)) {
      this.#program = program
      this.#isWrapped ||= runsOther(program)
    }
    if (ECHO.has(program) && text.isPiped) this.#pending = 'piped'
  }

  /** First layer: what the programs of this command take. Undefined: the word is not of their secrets. */
  #byTool(word: Word, isOption: boolean): number | undefined {
    if (this.#running.length === 0) return undefined
    const { raw, bare } = word
    const lower = bare.length > MAX_WORD ? '' : bare.toLowerCase()
    let secret = -1
    let isPair = false
    for (const it of this.#running) {
      const { tool } = it
      if (it.verbs < tool.verbs.length) continue
      const option = optionOf(tool, bare)
      if (option === -1) return word.isWhole ? this.#keep(word, 'secret') : this.#keepOption(word, bare)
      if (option > 0) return this.#mask(word, indexInQuoted(raw, option))
      if (isOption || (tool.hasSlashOptions && bare[0] === '/')) continue
      // The last verb is no plain word, nor is the program.
      if (it.plain++ < 0) continue
      if (tool.from > 0 && it.plain >= tool.from && !NO_SECRET.test(bare)) secret = 0
      else if (tool.hasSlashPair) secret = SLASH_PAIR.exec(bare)?.[0].length ?? secret
      isPair ||=
        tool.pairs.length > 0 && (tool.pairs.includes(lower) || (tool.pairs.includes('*') && isSecretName(bare)))
    }
    if (secret >= 0) return this.#mask(word, indexInQuoted(raw, secret))
    if (!isPair) return undefined
    this.#hasName = true
    return this.#keep(word, 'secret')
  }

  /** Second layer: names in the word or before it. Undefined: there is none. */
  #byName(word: Word, isOption: boolean, isBehindOption: boolean): number | undefined {
    const { text, at, end, raw, bare, isWhole } = word
    const wasNamed = this.#isNamed
    this.#isNamed = false

    const hereString = HERE_STRING.exec(bare)?.[0].length ?? 0
    if (hereString > 0 && hereString < bare.length) return this.#mask(word, indexInQuoted(raw, hereString))
    const header = secretHeaderEnd(raw)
    if (header > 0) {
      // To the end of the quotes it is in, or of everything.
      const isQuoted = isQuote(raw.charCodeAt(0)) && end - at > header
      this.out += `${raw.slice(0, header)} ${MASK}${isQuoted ? raw[0] : ''}`
      return isQuoted ? end : text.all.length
    }
    // The name of an option may have quotes within it: `--pass"word"=x`.
    const inBare = isOption && raw !== bare ? secretValueStart(bare, isWhole) : 0
    const value = secretValueStart(raw, isWhole) || (inBare > 0 ? indexInQuoted(raw, inBare) : 0)
    if (value > 0 && value < raw.lastIndexOf('@') && (!/\s/.test(raw) || ADDRESS.test(raw))) {
      // `ann:xpwd=y@h.example`: what looks like a name is part of an address.
      const address = maskAddresses(raw, MASK)
      if (address !== raw) {
        const rest = secretValueStart(address, isWhole)
        this.out += rest > 0 ? this.#plain(address.slice(0, rest)) + MASK : this.#plain(address)
        return end
      }
    }
    if (value > 0) return this.#mask(word, value)
    const ofNamed = this.#hasName || this.#options.nameSecret() ? VALUE_OPTION.exec(bare.slice(0, 8_192)) : null
    if (ofNamed?.[1]) return this.#mask(word, indexInQuoted(raw, bare.length - ofNamed[1].length))
    if (ofNamed !== null || endsInSecretName(raw) || BARE_SCHEME.test(bare) || hereString > 0)
      return this.#keep(word, 'secret')

    if (isOption || /^\/[A-Za-z]+$/.test(bare)) {
      const name = bare.replace(/^(?:--|[-/\u2013\u2014])/, '')
      if (/^[A-Za-z][\w.-]{0,63}$/.test(name) && isSecretOption(name)) {
        this.#option = name
        return this.#keepOption(word, name)
      }
      const isKnown = this.#running.some((it) => it.verbs === it.tool.verbs.length && hasOptions(it.tool))
      const guess = isKnown ? 'none' : guessOption(this.#program, bare, this.#options, this.#hasName)
      if (guess !== 'none') return this.#keep(word, guess)
      if (!isKnown && /^-[pP]["']./.test(raw) && guessOption(this.#program, '-p', this.#options, false) !== 'none')
        return this.#mask(word, 2)
    }
    const login = loginIn(bare)
    if (login > 0) return this.#mask(word, indexInQuoted(raw, login))
    return isOption ? undefined : this.#byPlainWords(word, wasNamed, isBehindOption)
  }

  /** What a plain word is by the plain words before it, and what it says of the next one. Undefined: nothing. */
  #byPlainWords(word: Word, wasNamed: boolean, isBehindOption: boolean): number | undefined {
    const { text, end, raw, bare, isWhole } = word
    // In a script: `WITH PASSWORD 'x'`, `"x" | ConvertTo-SecureString`.
    const isPiped = text.isPiped && /^\s*\|/.test(text.all.slice(end, end + 8))
    if (!isWhole && (wasNamed || isPiped) && /^\\*["']/.test(raw)) return this.#mask(word, 0)
    const lower = bare.length > MAX_WORD ? '' : bare.toLowerCase()
    const last = this.#lastPlain
    const isOfUser = isPasswordOfUser(lower, this.#plainBeforeLast)
    this.#plainBeforeLast = last
    this.#lastPlain = lower
    if (this.#secretPlain > 0 && !isBehindOption && this.#isSecretPlain(bare)) return this.#mask(word, 0)
    // Directly behind the program only: in a sentence 'login' is a word like others.
    if (last !== '' && (last === this.#program || this.#isWrapped) && !this.#isProse)
      this.#secretPlain = secretBehind(lower) || this.#secretPlain
    if (!this.#isProse) this.#secretPlain = secretBehindPair(last, lower) || this.#secretPlain

    // `$env:TOKEN` is a name, too.
    const isName = bare.length <= MAX_WORD && isSecretName(/[\w.-]*$/.exec(bare)![0])
    this.#isNamed = isName
    this.#hasName ||= isName
    const isAssigned = isName && !isWhole && /^\s{1,8}(?:[:=]=?|=>|\+=)\s/.test(text.all.slice(end, end + 12))
    // `SET PASSWORD FOR 'ann' = 'pw'`: the value is behind the sign.
    const isFor = isName && !isWhole && /^\s{1,8}for\s/i.test(text.all.slice(end, end + 16))
    const isSet = isName && SETTERS.has(last) && !isFor
    const isSql = (lower === 'by' && last === 'identified') || (lower === '=' && this.#hasName && !isWhole)
    return isOfUser || isAssigned || isSet || isSql ? this.#keep(word, 'secret') : undefined
  }

  /** Counts down to the plain word that is secret. Behind that one, and in place of it, only what looks like one is. */
  #isSecretPlain(bare: string): boolean {
    if (this.#secretPlain > 1) {
      this.#secretPlain--
      return false
    }
    if (isAddress(bare)) return false
    const isFirst = !this.#wasSecretPlain
    this.#wasSecretPlain = true
    return isFirst || looksLikePassword(bare)
  }

  /** An option whose value comes next. On a line without quotes the value of some is several words. */
  #keepOption(word: Word, name: string): number {
    this.#phrase = 0
    return this.#keep(word, PHRASE.test(name) ? 'phrase' : 'secret')
  }

  #keep(word: Word, pending: Pending = this.#pending): number {
    this.out += word.raw
    this.#pending = pending
    return word.end
  }

  /** Masks from `from` within the word to where its value ends. */
  #mask({ text, at, end, isWhole }: Word, from: number): number {
    const close = isWhole ? text.all.length : valueEnd(text.all, text.quotes, at + from, end)
    const before = text.all.slice(at, at + from)
    const value = text.all.slice(at + from, close)
    const plain = before === '' ? '' : this.#plain(before)
    this.out += (plain.endsWith(MASK) ? plain : plain + MASK) + (isWhole ? '' : closingQuotes(value, before))
    if (!isWhole && /;["']?$/.test(value)) this.#endCommand()
    return close
  }

  /** Third layer: a word that no table and no name marks. Text in quotes is read as a line of its own. */
  #emit({ raw, isWhole, end }: Word): number {
    if (!/\s/.test(raw)) this.out += this.#plain(raw)
    else if (isWhole && ADDRESS.test(raw) && !/\s/.test(raw.slice(raw.lastIndexOf('@')))) this.out += this.#plain(raw)
    else if (isWhole) this.#inner(raw, false)
    else {
      const quote = raw.search(/["']/)
      const before = raw.slice(0, quote + 1)
      // `ann:"a b"@h.example`: the quotes are around the password of an address.
      if (quote === -1 || before.includes('://') || (raw.includes('@') && /[^\s"']:\\{0,8}["']$/.test(before)))
        this.out += this.#plain(raw)
      else {
        const sign = /\\{0,8}["']$/.exec(before)![0]
        const isClosed = raw.length > quote + sign.length && raw.endsWith(sign)
        this.out += this.#plain(before)
        const isCommand = this.#isShell && SCRIPT_OPTION.test(this.#lastWord)
        this.#inner(raw.slice(quote + 1, isClosed ? raw.length - sign.length : raw.length), isCommand)
        this.out += isClosed ? sign : ''
      }
    }
    return end
  }

  #inner(text: string, isCommand: boolean): void {
    if (this.#depth >= MAX_DEPTH) {
      this.out += MASK
      return
    }
    const before = { running: this.#running, program: this.#program, plain: this.#lastPlain, isProse: this.#isProse }
    this.#running = before.running.map((it) => ({ ...it }))
    this.#isProse = !isCommand
    if (isCommand) this.#program = ''
    this.#lastPlain = ''
    this.#depth++
    this.line(text)
    this.#depth--
    this.#pending = 'none'
    this.#running = before.running
    this.#program = before.program
    this.#lastPlain = before.plain
    this.#isProse = before.isProse
  }

  #plain(raw: string): string {
    let hasHosts = false
    let hexIsName = false
    for (const { tool } of this.#running) {
      hasHosts ||= tool.hasHosts
      hexIsName ||= tool.hexIsName
    }
    const address = maskAddresses(raw, MASK)
    return maskRandom(maskTokens(hasHosts ? maskHostPath(address, MASK) : address, MASK), MASK, hexIsName)
  }
}

/** True when the table tells of the tool's options, so that nothing need be guessed. */
function hasOptions(tool: Tool): boolean {
  return tool.short + tool.joined + tool.next !== '' || tool.long.length > 0 || tool.prefixes.length > 0
}

/** True when a plain word of blanks may be a secret of the tool. */
function mayTake({ tool, verbs }: Running, argument: string): boolean {
  return verbs === tool.verbs.length && (tool.from > 0 || (tool.hasSlashPair && SLASH_PAIR.test(argument)))
}

/** An option, an assignment, a header or an address: blanks in it belong to its value. A script (`a; b`) is not one. */
function isOneValue(argument: string): boolean {
  return /^(?:-|\/[\w-]{1,40}[=:]|[A-Za-z_][\w.-]{0,63}[=:])/.test(argument) || ADDRESS.test(argument)
}
