/**
 * The page for the laptop's user, as HTML: no script, no image, nothing from elsewhere.
 *
 * Shape   the look of the console (its tokens, a panel for each question); light or dark as the system is. Every kind of
 *         event is a disclosure of its own, so that it works by keyboard and for a screen reader without a script.
 * Errors  text that a laptop found is hostile: it is shown without control characters, in one line, and escaped.
 */
import { createHash } from 'node:crypto'
import { printable } from '../../wire/printable.ts'
import { LANGUAGES, type Language, TEXTS } from './languages.ts'
import { type Collected, fieldsOf, type ShowReport } from './report.ts'
import { filled, type Texts } from './texts.ts'
import { offReason, statements, timeIn } from './wording.ts'

/** Of one field. */
const VALUE_MAX = 600

export const STYLE = `
:root{color-scheme:light dark;--bg:light-dark(#f5f6f8,#0d1117);--panel:light-dark(#ffffff,#151b23);--raised:light-dark(#f0f2f5,#1c242e);--line:light-dark(#d9dee5,#2a333e);--line-strong:light-dark(#8a94a3,#667385);--text:light-dark(#1a2230,#e2e8f0);--muted:light-dark(#566173,#9aa6b5);--accent:light-dark(#0b6b61,#62cdbb);--warn:light-dark(#7d5200,#e9b95a);--mono:ui-monospace,"SF Mono","Cascadia Code","DejaVu Sans Mono",Menlo,Consolas,monospace;font:14px/1.5 system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif;background:var(--bg);color:var(--text)}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1080px;padding:0 20px 40px}
h1{margin:0;font-size:20px;font-weight:650;line-height:1.25}
h2{margin:0 0 8px;font-size:14px;font-weight:650}
h3{margin:12px 0 4px;font-size:12px;font-weight:600;color:var(--muted)}
p,ul{margin:0}
p+p,ul+p{margin-top:6px}
:lang(ko){word-break:keep-all}
.head{display:flex;justify-content:space-between;gap:16px}
ul{padding-left:18px}
a{color:var(--accent);text-underline-offset:2px}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px;border-radius:4px}
main:focus{outline:none}
code,.mono{font-family:var(--mono);font-size:12.5px}
.skip{position:absolute;left:-999px}
.skip:focus{left:20px;top:4px;padding:4px 10px;background:var(--panel)}
header{display:flex;flex-wrap:wrap;align-items:center;justify-content:space-between;gap:8px 24px;min-height:48px;padding:14px 0 10px}
nav{display:flex;flex-wrap:wrap;gap:2px 4px}
nav a{padding:3px 8px;border-radius:4px;color:var(--muted);text-decoration:none}
nav a[aria-current]{background:var(--raised);color:var(--text);font-weight:600}
nav a:hover{color:var(--text);text-decoration:underline}
.intro{max-width:78ch;margin-bottom:16px}
.panel{margin-bottom:16px;padding:14px 16px;border:1px solid var(--line);border-radius:8px;background:var(--panel)}
.two{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,330px),1fr));gap:0 16px;align-items:stretch}
.contact{font-size:15px;font-weight:600}
.muted{color:var(--muted)}
.warn{color:var(--warn)}
.kinds{margin:0 -16px -14px}
details{border-top:1px solid var(--line)}
summary{display:grid;grid-template-columns:1fr auto;gap:0 16px;padding:8px 16px 8px 34px;position:relative;cursor:pointer;list-style:none}
summary::-webkit-details-marker{display:none}
summary::before{content:"";position:absolute;left:17px;top:14px;width:7px;height:7px;border:solid var(--muted);border-width:0 1.5px 1.5px 0;transform:rotate(-45deg)}
details[open]>summary::before{transform:rotate(45deg);top:12px}
summary:hover{background:var(--raised)}
summary .mono{display:block;color:var(--muted);font-size:12px}
.count{min-width:3ch;text-align:right;font-variant-numeric:tabular-nums;font-weight:600}
.count.none{color:var(--muted);font-weight:400}
.sr{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.body{padding:2px 16px 14px 34px}
table{width:100%;margin-top:8px;border-collapse:collapse;table-layout:fixed}
caption{padding:2px 0;text-align:left;color:var(--muted);font-size:12px}
th,td{padding:2px 8px 2px 0;vertical-align:top;text-align:left;overflow-wrap:anywhere}
th{width:220px;font-weight:400;color:var(--muted)}
thead th,thead td{padding:0;line-height:0}
tbody tr{border-top:1px solid var(--line)}
dl{margin:0}
dt{font-weight:600}
dd{margin:0 0 8px}
@media (max-width:560px){body{padding:0 12px 32px}th{width:40%}}
@media (forced-colors:active){.panel,details,tbody tr{border-color:CanvasText}}
@media print{details::details-content{content-visibility:visible;display:block}nav,.skip{display:none}}
`
export const STYLE_HASH = `sha256-${createHash('sha256').update(STYLE).digest('base64')}`

export function pageOf(report: ShowReport, language: Language, now: number): string {
  const texts: Texts = TEXTS[language]
  const said = statements(report, language, now)
  const { collected, contact, watchedFolders, hidden } = report
  const kinds = (on: boolean) => collected.filter((it) => it.on === on).map((it) => kind(it, texts, language, now))
  const folders = watchedFolders.map(
    ({ path, kind }) =>
      `<li><code>${shown(path)}</code> <span class="muted">${escaped((texts.rootKinds as Record<string, string>)[kind] ?? kind)}</span></li>`,
  )
  return `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escaped(texts.title)}</title>
<style>${STYLE}</style>
</head>
<body>
<a class="skip" href="#main">${escaped(texts.skip)}</a>
<header>
<h1>${escaped(texts.title)}</h1>
<nav aria-label="${escaped(texts.languages)}">${LANGUAGES.map((it) => languageLink(it, language)).join('')}</nav>
</header>
<main id="main" tabindex="-1">
<p class="intro">${escaped(texts.intro)}</p>
<div class="two">
${panel('ask', texts.contact, `<p class="contact">${shown(contact ?? texts.noContact)}</p>${paragraph(filled(texts.kept, { days: String(report.keptDays) }), 'muted')}`)}
${panel('today', texts.today, [said.today, said.connection, ...said.delivery].map((it) => paragraph(it)).join('') + paragraph(said.reportsTo, 'muted') + paragraph(filled(texts.asOf, { time: timeIn(language, now, now) }), 'muted'))}
</div>
${panel('policy', texts.policy, said.policy.map((it, index) => paragraph(it, index > 0 ? 'warn' : '')).join('') + paragraph(texts.policyBounds, 'muted'))}
${panel('on', texts.on, `<div class="kinds">${kinds(true).join('')}</div>`, { beside: texts.today })}
${panel('off', texts.off, `<div class="kinds">${kinds(false).join('')}</div>`, { isWanted: kinds(false).length > 0 })}
${panel('folders', texts.folders, `<ul>${folders.join('')}</ul>${paragraph(texts.foldersNote, 'muted')}`, { isWanted: folders.length > 0 })}
${panel('never', texts.neverCollected, `<ul>${texts.neverList.map((it) => `<li>${escaped(it)}</li>`).join('')}</ul>${paragraph(texts.caveat, 'muted')}`)}
${hidden > 0 ? paragraph(filled(report.isAskerKnown ? texts.hidden : texts.hiddenAll, { count: hidden.toLocaleString(language) }), 'muted') : ''}
<p class="muted">${escaped(texts.inTerminal)} <code>tellwire agent show</code></p>
</main>
</body>
</html>
`
}

/** `beside`: what the numbers at the right are; every one of them says it by itself, too. */
function panel(id: string, heading: string, content: string, { isWanted = true, beside = '' } = {}): string {
  if (!isWanted) return ''
  const head = `<h2 id="${id}">${escaped(heading)}</h2>`
  const top = beside
    ? `<div class="head">${head}<span class="muted" aria-hidden="true">${escaped(beside)}</span></div>`
    : head
  return `<section class="panel" aria-labelledby="${id}">${top}${content}</section>`
}

function kind(it: Collected, texts: Texts, language: Language, now: number): string {
  const { category, on, sensitive, slower, sentToday, examples } = it
  const count = sentToday.toLocaleString(language)
  const facts = [
    on ? (sensitive ? texts.onByCompany : '') : offReason(it, texts),
    on && slower > 1 ? filled(texts.slower, { factor: String(slower) }) : '',
  ].filter((it) => it !== '')
  const number = on
    ? `<span class="count${sentToday === 0 ? ' none' : ''}"><span class="sr">${escaped(texts.today)}: </span>${count}</span>`
    : ''
  return (
    `<details><summary><span>${escaped(capitalised(texts.about[category]))}<span class="mono">${category}</span></span>${number}</summary>` +
    `<div class="body">${facts.map((it) => paragraph(it)).join('')}<h3>${escaped(texts.why)}</h3>${paragraph(texts.purpose[category])}` +
    (on ? `<h3>${escaped(texts.lastSent)}</h3>${exampleTables(examples, texts, language, now)}` : '') +
    '</div></details>'
  )
}

function exampleTables(
  examples: readonly Record<string, unknown>[],
  texts: Texts,
  language: Language,
  now: number,
): string {
  if (examples.length === 0) return paragraph(texts.noExample, 'muted')
  return examples.map((it) => exampleTable(it, texts, language, now)).join('')
}

function exampleTable(event: Record<string, unknown>, texts: Texts, language: Language, now: number): string {
  const when = typeof event.time === 'number' ? timeIn(language, event.time, now) : texts.lastSent
  const rows = fieldsOf(event).map(
    ([name, value]) => `<tr><th scope="row" class="mono">${shown(name)}</th><td class="mono">${shown(value)}</td></tr>`,
  )
  const head = `<thead><tr><th scope="col"><span class="sr">${escaped(texts.field)}</span></th><td><span class="sr">${escaped(texts.value)}</span></td></tr></thead>`
  return `<table><caption>${escaped(when)}</caption>${head}<tbody>${rows.join('')}</tbody></table>`
}

function languageLink(it: Language, current: Language): string {
  return `<a href="?lang=${it}" lang="${it}" hreflang="${it}"${it === current ? ' aria-current="true"' : ''}>${TEXTS[it].language}</a>`
}

function paragraph(text: string, name = ''): string {
  return `<p${name && ` class="${name}"`}>${shown(text)}</p>`
}

function capitalised(text: string): string {
  return text.charAt(0).toLocaleUpperCase() + text.slice(1)
}

/** Text that may be hostile: names of programs, devices and networks. */
function shown(text: string): string {
  const short = text.length > VALUE_MAX ? `${text.slice(0, VALUE_MAX).toWellFormed()}…` : text
  return `<bdi>${escaped(printable(short))}</bdi>`
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (it) => `&#${it.charCodeAt(0)};`)
}
