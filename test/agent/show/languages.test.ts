import assert from 'node:assert/strict'
import { LANGUAGES, languageOfBrowser, languageOfTerminal, TEXTS } from '../../../agent/show/languages.ts'
import { filled } from '../../../agent/show/texts.ts'
import { AGENT_CATEGORIES } from '../../../wire/event.ts'
import { NEVER_COLLECTED } from '../../../wire/privacy.ts'

/** Every text by its path: `about.software`. */
function texts(of: object, prefix = ''): Map<string, string> {
  const found = new Map<string, string>()
  for (const [name, value] of Object.entries(of))
    if (typeof value === 'string') found.set(`${prefix}${name}`, value)
    else for (const [path, text] of texts(value as object, `${prefix}${name}.`)) found.set(path, text)
  return found
}
const placeholders = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((it) => it[1]).sort()

describe('agent/show: languages', () => {
  const english = texts(TEXTS.en)

  it('are those that a works council was promised', () => assert.deepEqual(LANGUAGES, ['en', 'de', 'fr', 'es', 'ko']))

  it('English says what the contract says, about every category', () => {
    for (const it of AGENT_CATEGORIES) assert.ok((TEXTS.en.about[it]?.length ?? 0) > 10, it)
    assert.deepEqual(TEXTS.en.neverList, NEVER_COLLECTED)
  })

  for (const language of LANGUAGES) {
    const own = texts(TEXTS[language])
    it(`${language}: has every text, and no other`, () => {
      assert.deepEqual([...own.keys()].sort(), [...english.keys()].sort())
      assert.deepEqual(
        [...own].filter(([, text]) => text.trim() === '' || text !== text.trim()),
        [],
      )
    })

    it(`${language}: names the same values in each text`, () => {
      for (const [path, text] of english) assert.deepEqual(placeholders(own.get(path)!), placeholders(text), path)
      assert.doesNotMatch([...own.values()].join(' ').replace(/\{\w+\}/g, ''), /[{}]/)
    })

    it(`${language}: is translated`, () => {
      if (language === 'en') return assert.equal(own.size, english.size)
      const same = [...own].filter(([path, text]) => text === english.get(path))
      assert.deepEqual(same, [])
    })
  }

  it('a value that looks like a placeholder is not filled in turn', () =>
    assert.equal(filled('{a} {b} {c}', { a: '{b}', b: 'x' }), '{b} x {c}'))

  const terminals: [Record<string, string>, string][] = [
    [{ LANG: 'de_DE.UTF-8' }, 'de'],
    [{ LANG: 'ko' }, 'ko'],
    [{ LANG: 'fr_CA@euro' }, 'fr'],
    [{ LANG: 'de_DE.UTF-8', LC_ALL: 'C' }, 'en'],
    [{ LANG: 'en_US.UTF-8', LC_MESSAGES: 'es_MX.UTF-8' }, 'es'],
    [{ LANG: 'constructor' }, 'en'],
    [{}, 'en'],
  ]
  for (const [env, language] of terminals)
    it(`a terminal with ${JSON.stringify(env)} gets ${language}`, () => assert.equal(languageOfTerminal(env), language))

  const browsers: [string | undefined, string][] = [
    ['de-AT,de;q=0.9,en;q=0.8', 'de'],
    ['en;q=0.5, ko;q=0.9', 'ko'],
    ['pt-BR, es;q=0.4', 'es'],
    ['fr;q=0, es;q=0.1', 'es'],
    ['DE', 'de'],
    ['*', 'en'],
    ['de;q=x, fr;q=0.1', 'fr'],
    [`${'x,'.repeat(100_000)}de`, 'en'],
    ['__proto__', 'en'],
    [undefined, 'en'],
  ]
  for (const [accepted, language] of browsers)
    it(`a browser with ${accepted?.slice(0, 40)} gets ${language}`, () =>
      assert.equal(languageOfBrowser(accepted), language))
})
