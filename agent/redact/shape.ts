/**
 * Words that look like a random secret though nothing names them.
 *
 * Shape   a word is cut into parts at everything that is neither letter nor digit. A part counts as random when its
 *         letters and digits change as often as chance would have it: `K7MDENG` does, `AppImage` and `amd64` do not. A
 *         run of 20 characters or more is masked when one such part has 20 of them, or all together most of it; and so
 *         are 32 hexadecimal digits in a row, and 16 of base 32, as keys of one-time passwords are written.
 * Not     UUIDs, ids of Windows' store apps, hexadecimal ids of programs that name things so (git, containers), digests behind `sha256:`, and parts
 *         of paths that are not random in upper case, lower case and digits.
 * Units   time is linear: each character is looked at a fixed number of times.
 */
const LEAST = 20
const LEAST_HEX = 32
/** Two digits among 16 capitals: one-time passwords' keys have at least 80 bits. */
const BASE32 = /(?<![0-9A-Za-z_-])(?=[A-Z]*[2-7][A-Z]*[2-7])[A-Z2-7]{16,128}(?![0-9A-Za-z_-])/g
const LEAST_BASE32 = 16
/** Parts shorter than this say nothing: `k8s`, `x86`. */
const LEAST_PART = 4
/** Of a run of LEAST_HEX characters in all classes half is enough. */
const MOST_OF_IT = 0.7
const HALF_OF_IT = 0.5
/** Bits a character. 20 random characters of base64 have about 3.9, hexadecimal digits 3.2, `aaaaaaaa1aaaaaaa` 0.6. */
const LEAST_ENTROPY = 2.8

const RUN = /[0-9A-Za-z+/_-]{20,}={0,2}/g
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/i
/** Windows' own ids of store apps. */
const APP_ID = /^(?:[\w-]*_)?AppX[0-9a-z]{32}$/
const TIME = /(?:19|20)[0-9]{6}[T_-]?[0-9]{4,9}Z?/
const PATH = /^["']?(?:[A-Za-z][\w-]*=)?["']?(?:[./~\\%$]|[A-Za-z]:[\\/])/
const PART = /[0-9A-Za-z]+/g

/** `word` with what looks random replaced. `hexIsName`: the program calls things by hexadecimal ids. */
export function maskRandom(word: string, mask: string, hexIsName: boolean): string {
  if (word.length < LEAST_BASE32) return word
  const isPath = PATH.test(word)
  const text = isPath ? word : word.replace(BASE32, (it) => (entropyOf(it) >= LEAST_ENTROPY ? mask : it))
  return text.replace(RUN, (run, at: number) => {
    if (isRandomHex(run))
      return hexIsName || isPath || text.slice(Math.max(0, at - 8), at).endsWith('sha256:') ? run : mask
    if (!isPath && isRandom(run)) return mask
    if (!run.includes('/')) return isPath && hasAllClasses(run) && isRandom(run) ? mask : run
    return run
      .split('/')
      .map((it) => (it.length >= LEAST && (!isPath || hasAllClasses(it)) && isRandom(it) ? mask : it))
      .join('/')
  })
}

function isRandomHex(run: string): boolean {
  return run.length >= LEAST_HEX && /^(?:[0-9a-f]+|[0-9A-F]+)$/.test(run) && entropyOf(run) >= 2.5
}

function isRandom(run: string): boolean {
  if (UUID.test(run)) return run.length > 60
  if (APP_ID.test(run)) return false
  let random = 0
  let longest = 0
  for (const [part] of run.replace(TIME, '').matchAll(PART)) {
    if (part.length < LEAST_PART || !isMixed(part)) continue
    random += part.length
    longest = Math.max(longest, part.length)
  }
  const share = run.length >= LEAST_HEX && hasAllClasses(run) ? HALF_OF_IT : MOST_OF_IT
  return (longest >= LEAST || random >= run.length * share) && entropyOf(run) >= LEAST_ENTROPY
}

const DIGIT = 1
const UPPER = 2
const LOWER = 3

/**
 * Counts pieces of one class; a capital and the small letters behind it are one piece, so that CamelCase reads as words.
 * Random base64 has pieces of 1.9 characters on average, base 36 2.5; `UsGthrCtrlFltPipe` has 3.5.
 */
function isMixed(numbered: string): boolean {
  const part = numbered.replace(/[0-9]{1,3}$/, '')
  let pieces = 0
  let before = 0
  let run = 0
  let digits = 0
  for (let at = 0; at < part.length; at++) {
    const code = part.charCodeAt(at)
    const kind = code < 58 ? DIGIT : code < 91 ? UPPER : LOWER
    if (kind === DIGIT) digits++
    if (kind === before) run++
    else {
      const isCapital = before === UPPER && kind === LOWER && run === 1
      if (!isCapital) pieces++
      run = 1
    }
    before = kind
  }
  if (pieces < 3) return false
  const length = part.length / pieces
  if (digits === 0) return length < 2.7
  // Long parts of one case with digits in several places are no words: base 32 has pieces of 3.3 characters.
  return length < (part.length >= LEAST - 3 && !(/[a-z]/.test(part) && /[A-Z]/.test(part)) ? 6 : 3.4)
}

function hasAllClasses(text: string): boolean {
  return /[0-9]/.test(text) && /[a-z]/.test(text) && /[A-Z]/.test(text)
}

function entropyOf(text: string): number {
  const counts = new Map<number, number>()
  for (let at = 0; at < text.length; at++) counts.set(text.charCodeAt(at), (counts.get(text.charCodeAt(at)) ?? 0) + 1)
  let bits = 0
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length)
  return bits
}
