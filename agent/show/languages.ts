/** The languages in which the laptop's user is told what the agent does, and how one is chosen. */

import { de } from './texts/de.ts'
import { en } from './texts/en.ts'
import { es } from './texts/es.ts'
import { fr } from './texts/fr.ts'
import { ko } from './texts/ko.ts'
import type { Texts } from './texts.ts'

export const TEXTS = { en, de, fr, es, ko } as const satisfies Record<string, Texts>
export type Language = keyof typeof TEXTS
export const LANGUAGES = Object.keys(TEXTS) as Language[]

export function isLanguage(text: string): text is Language {
  return Object.hasOwn(TEXTS, text)
}

/** Of a terminal: `de_DE.UTF-8`, `ko`, `C`; English if it is none of ours. LC_ALL goes before LC_MESSAGES and LANG. */
export function languageOfTerminal(env: Readonly<Record<string, string | undefined>>): Language {
  const locale = env.LC_ALL || env.LC_MESSAGES || env.LANG || ''
  const word = locale.split(/[_.@-]/)[0]!.toLowerCase()
  return isLanguage(word) ? word : 'en'
}

/** Of a browser: the Accept-Language header, RFC 9110, 12.5.4. */
export function languageOfBrowser(accepted: string | undefined): Language {
  const wanted = (accepted ?? '')
    .slice(0, 512)
    .split(',')
    .map((it) => {
      const [tag = '', ...parameters] = it.split(';').map((part) => part.trim().toLowerCase())
      const q = parameters.find((part) => part.startsWith('q='))
      const weight = q === undefined ? 1 : Number(q.slice(2))
      return { language: tag.split('-')[0]!, weight: Number.isFinite(weight) ? weight : 0 }
    })
    .filter((it) => it.weight > 0)
    .sort((a, b) => b.weight - a.weight)
  return wanted.map((it) => it.language).find(isLanguage) ?? 'en'
}
