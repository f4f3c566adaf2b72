/** Hostile text in every place that shows text from a laptop, a roster or a colleague. */
import type { DeviceBook } from '../../../server/derive/coverage.ts'
import type { Finding } from '../../../server/model/finding.ts'
import type { Event } from '../../../wire/event.ts'
import { finding } from '../assess/finding.ts'
import { contract, holding, processStart, received } from '../events.ts'
import type { Stage } from '../views/stage.ts'
import { share, usb } from './story.ts'

export const HOSTILE = [
  { name: 'markup', text: '<img src=x onerror="alert(1)"><script>alert(2)</script>' },
  { name: 'an override', text: 'report\u202excod.exe' },
  { name: 'a formula', text: '=HYPERLINK("http://evil.example","pay")' },
  { name: 'a link', text: 'javascript:alert(3)' },
  { name: '10 KB', text: 'A'.repeat(10_240) },
  { name: 'control characters', text: 'a\u0000b\u001b[31mc\r\nd' },
  { name: 'nothing to see', text: '\u200b\u2800\u3164' },
  { name: 'half a character', text: 'x\ud83dy' },
  { name: 'a tower', text: `z${'\u0301'.repeat(40)}` },
]

/** Any text that a store could have as an id: the wire contract is much stricter. */
export const idOf = (text: string) => text.slice(0, 128).toWellFormed()

/** A worker, a laptop and a cluster with `text` in every field. */
export async function hostile(stage: Stage, text: string, index: number): Promise<void> {
  const now = Date.now()
  const id = idOf(text)
  await stage.enroll(id, { platform: text, version: text })
  await stage.records(
    contract(id, {
      ...(index % 2 === 0 && { name: text }),
      ...{ city: text, region: text, timeZone: text, roles: [text], approvedTools: [{ tool: text, tenant: text }] },
    }),
    holding(id, id, { from: now - 86_400_000 }),
    received(id, { ...usb(now), Manufacturer: text, ProductName: text } as Event),
  )
  stage.book(id, bookOf(id, text, now))
  stage.facts(text, {
    ...{ blindTo: text, response: text, falsepositives: [text], tags: [text] },
    ...{ author: text, license: text, link: text },
  })
  stage.find(found(id, text, now))
  share(stage, now, { letter: String(index), kind: text, workers: [id, `p${index}`], days: 3, strength: 3, key: id })
  await stage.judge()
  await stage.decide(id, { verdict: 'bad_data', reason: text }, text)
  stage.find({ ...found(id, text, now), id: `later ${id}`, rule: `later ${text}`, family: 'tampering' })
}

function found(worker: string, text: string, now: number): Finding {
  const event = { ...processStart(text, now), [text]: text, Odd: { dangerouslySetInnerHTML: { __html: text } } }
  return finding({
    ...{ id: `of ${worker}`, rule: text, title: text, level: text, family: text, says: text, device: text, worker },
    ...{ strength: 3, time: now, lastTime: now, events: [event as Event] },
  })
}

function bookOf(worker: string, text: string, now: number): Partial<DeviceBook> {
  const seen = { worker, time: now }
  return {
    ...{ events: 3, lastSeen: now, version: text, place: text, lastAddress: text },
    gaps: [{ about: text, reason: text, count: 2, detail: text, time: now, categories: ['usb_device', 'display'] }],
    sightings: {
      place: {
        ...{ ...seen, country: text, region: text, city: text, lat: null, lon: null },
        ...{ networkClass: 'hosting', asName: text, proves: true, approved: false },
      },
      clock: { ...seen, timeZone: text, utcOffsetMinutes: null },
      things: [{ ...seen, what: 'tool', id: text, name: text, approved: false }],
    },
  }
}
