/**
 * Masks user, path and query of the URLs in a word.
 *
 * Shape   `https://ann:pw@h.example:8443/a?b` becomes `https://***@h.example:8443/***`. The same without a scheme:
 *         `ann:pw@h.example`, and, for programs that fetch addresses, `h.example/a`.
 * Units   time is linear.
 */
const CLOSING: Readonly<Record<string, string>> = {
  '"': '"',
  "'": "'",
  '`': '`',
  '<': '>',
  '(': ')',
  '[': ']',
  '{': '}',
}
const OPAQUE = /^(["'(]{0,2}|[^\s]{0,64}[=,])(file|data|javascript|otpauth|mailto|wifi|blob|view-source):(?!\/\/)(?=.)/i
/** What comes before the colon of `user:password@host`: an option's name, a domain, the user. */
const USER = /^(?:[^\s=@]{0,64}=)?["'(]{0,2}(?:[\w.-]{1,64}[\\/])?[^\s:@/"'=]{0,128}$/
/** What is no password there: the port of `h:80/@vite`, the path of scp's `h:/a@b`. */
const PATH_OF_HOST = /^(?:\d{1,5})?\//
const PREFIXES = /^["'(]{0,2}(?:npm|jsr|node|workspace|file|link|patch|portal|git|pkg):/i
const PLAIN_HOST = /^(?:[\w-]+(?:\.[\w-]+)+|localhost|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i
const HOST_PATH = /^(["']?[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}(?::\d{1,5})?\/)[^"'\s]/

export function maskAddresses(word: string, mask: string): string {
  if (!word.includes('://')) return maskShort(word, mask)
  let out = ''
  let at = 0
  for (;;) {
    const sign = word.indexOf('://', at)
    if (sign === -1) break
    let schemeAt = sign
    while (schemeAt > at && /[A-Za-z0-9+.:-]/.test(word[schemeAt - 1]!)) schemeAt--
    const end = endOf(word, schemeAt, sign + 3)
    out += word.slice(at, sign + 3) + maskRest(word.slice(sign + 3, end), mask)
    at = end
  }
  return out + word.slice(at)
}

/** A URL in quotes or brackets ends where these close. Others reach to the end of the word: a password may hold any sign. */
function endOf(word: string, schemeAt: number, from: number): number {
  const isEscaped = word[schemeAt - 2] === '\\'
  const close = CLOSING[word[schemeAt - 1] ?? '']
  if (close !== undefined) {
    const end = word.indexOf(isEscaped ? `\\${close}` : close, from)
    if (end !== -1) return end
  }
  let end = word.length
  while (end > from && /["'`)\]},;]/.test(word[end - 1]!)) end--
  return end
}

function maskRest(rest: string, mask: string): string {
  const cut = rest.search(/[/?#\\]/)
  const hostEnd = cut === -1 ? rest.length : cut
  const user = hostEnd === 0 ? -1 : rest.lastIndexOf('@', hostEnd - 1)
  const host = rest.slice(user + 1, hostEnd)
  // One more '@' behind the slash: in the path, or the slash is in the password. Only a full host name tells.
  if (rest.lastIndexOf('@') > hostEnd && !PLAIN_HOST.test(host)) return mask
  const start = user === -1 ? '' : `${mask}@`
  const sign = rest[hostEnd] === '\\' ? '\\' : '/'
  return start + host + (rest.length - hostEnd > 1 ? sign + mask : rest.slice(hostEnd))
}

function maskShort(word: string, mask: string): string {
  const colon = word.indexOf(':')
  if (colon === -1) return word
  const opaque = OPAQUE.exec(word)
  if (opaque !== null) return opaque[0] + mask
  const at = word.lastIndexOf('@')
  if (at < colon + 2 || PREFIXES.test(word) || !USER.test(word.slice(0, colon))) return word
  if (PATH_OF_HOST.test(word.slice(colon + 1, at)) || !/^(?!sha\d{3}:)[\w.[-]/.test(word.slice(at + 1))) return word
  return `${word.slice(0, colon + 1)}${mask}${word.slice(at)}`
}

/** For programs that fetch what they are given: the path of `h.example/a`. */
export function maskHostPath(word: string, mask: string): string {
  const found = HOST_PATH.exec(word)
  return found === null ? word : found[1] + mask
}
