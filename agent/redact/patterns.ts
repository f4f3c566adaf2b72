/**
 * Tokens that can be recognised by their prefix, wherever they appear.
 *
 * Shape   one line a kind: the prefix, the characters that follow it, and how many of them must. The numbers are lower
 *         than the real lengths, so that a token that was cut short is masked as well.
 * Units   time is linear: a fixed prefix, then one class of characters, at most a few dozen of which are read in vain.
 * Source  prefixes and alphabets are facts taken from gitleaks' default rules (github.com/gitleaks/gitleaks,
 *         config/gitleaks.toml, commit b58d3f10, 2026-07-22; MIT, see NOTICE); lines marked * are from vendors' manuals.
 */
type Alphabet = keyof typeof ALPHABETS

const ALPHABETS = {
  hex: '[0-9a-fA-F]',
  alnum: '[0-9A-Za-z]',
  word: '[\\w-]',
  /** With what base64, signatures and dotted tokens add. */
  wide: '[\\w.+/=~-]',
}

export const TOKENS: readonly [alphabet: Alphabet, least: number, prefixes: string][] = [
  // Clouds
  ['alnum', 12, 'AKIA ASIA ABIA ACCA A3T'],
  ['alnum', 16, 'LTAI AKCp cmVmd ABSK AQVN'],
  ['wide', 8, 'bedrock-api-key-'],
  ['hex', 16, 'dop_v1_ doo_v1_ dor_v1_ dapi pul- v1.0-'],
  ['word', 16, 'AIza GOCSPX- fo1_ HRKU-AA'], // * GOCSPX-
  ['wide', 8, 'ya29. 1//0 fm1r_ fm1a_ fm2_'], // * ya29. 1//0
  ['wide', 16, 'pscale_tkn_ pscale_oauth_ pscale_pw_ t1.9eu'],
  // Code and packages
  ['word', 16, 'ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ rubygems_ CLOJARS_ sgp_'],
  ['alnum', 20, 'npm_ pnu_ hf_ api_org_ oy2 API-'], // * oy2
  ['wide', 8, 'glpat- glptt- gldt- glft- glrt- glcbt- glimt- glagent- gloas- glsoat- glffct- GR1348941'],
  ['word', 8, 'pypi-AgE sha256~ squ_ sqp_ sqa_ sntrys_ sntryu_'],
  ['wide', 16, 'dckr_pat_ dckr_oat_ ATATT3 ATCTT3 ATBB BBDC-'], // * dckr_ ATCTT3 ATBB BBDC-
  ['wide', 16, 'lin_api_ lin_oauth_ rdme_ PMAK- NRAK- NRII- NRJS-'], // * lin_oauth_
  // Chat and mail
  ['wide', 8, 'xoxa- xoxb- xoxe- xoxe. xoxo- xoxp- xoxr- xoxs- xapp- xkeysib- xsmtpsib- ntn_ tfp_'],
  ['wide', 16, 'SG.'],
  ['alnum', 32, 'secret_'], // * Notion's old form
  ['hex', 24, 'SK key- pubkey-'],
  // Money
  ['word', 8, 'sk_live_ sk_test_ sk_prod_ rk_live_ rk_test_ rk_prod_ sq0atp- sq0csp- shippo_live_ whsec_'], // * sq0csp- whsec_
  ['wide', 8, 'shippo_test_ FLWSECK_TEST- FLWSECK- duffel_live_ duffel_test_ fio-u- access-production-'],
  ['hex', 16, 'shpat_ shpca_ shppa_ shpss_ access-sandbox-'],
  ['alnum', 20, 'EZAK EZTK EAAA EAAC EAAM'],
  // Models
  ['word', 16, 'sk- pplx- gsk_ r8_ xai- tk-us- nvapi-'], // * gsk_ r8_ xai- nvapi-
  // Secrets and machines
  ['wide', 16, 'hvs. hvb. hvr. glc_ glsa_ AGE-SECRET-KEY- A3-'],
  ['wide', 8, 'ops_eyJ dp.pt. dp.st. dp.sa. dp.ct. dt0c01. eyJrIjoi tskey- tw1. cfut_ cfat_'], // * dp.st. tskey- tw1. cf…
  ['alnum', 16, 'p8e- ico- sm_aat_ sm_pat_ sm_sat_ bkua_ figd_ phc_ phx_'], // * bkua_ figd_ phc_ phx_
  ['word', 16, 'dnkey-'],
]

const alternatives = TOKENS.map(([alphabet, least, prefixes]) => {
  const words = prefixes.split(' ').map((it) => it.replace(/[.+/]/g, '\\$&'))
  return `(?:${words.join('|')})${ALPHABETS[alphabet]}{${least},}`
})
/** Not within a longer word: `task-` is not `sk-`. A JWT is three parts of base64 with dots between. */
const TOKEN = new RegExp(`(?<![0-9A-Za-z])(?:${alternatives.join('|')}|eyJ[\\w-]{8,}(?:\\.[\\w-]*)*)`, 'g')
/** Telegram's: the bot's number, a colon, then a word that begins with 'AA'. */
const BOT_TOKEN = /(?<![0-9])[0-9]{6,12}:AA[\w-]{16,}/g
const SHORTEST = 12

/** `text` with the tokens replaced. */
export function maskTokens(text: string, mask: string): string {
  if (text.length < SHORTEST) return text
  const masked = text.replace(TOKEN, mask)
  return masked.includes(':AA') ? masked.replace(BOT_TOKEN, mask) : masked
}
