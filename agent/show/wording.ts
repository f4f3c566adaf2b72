/** The sentences about one laptop, in one language, for terminal and page. */
import { type Language, TEXTS } from './languages.ts'
import type { Collected, ShowReport } from './report.ts'
import { filled, type Texts } from './texts.ts'

export interface Statements {
  reportsTo: string
  connection: string
  delivery: string[]
  policy: string[]
  today: string
}

export function statements(report: ShowReport, language: Language, now: number): Statements {
  const texts: Texts = TEXTS[language]
  const { server, device, connection, policy, sentToday } = report
  const { since, isRunning, lastReceivedAt, unsent } = connection
  const time = (ms: number) => timeIn(language, ms, now)
  const count = (n: number) => n.toLocaleString(language)
  const version = policy && String(policy.version)
  return {
    reportsTo: filled(texts.reportsTo, { server, device }),
    connection: !isRunning
      ? texts.notRunning
      : since === null
        ? texts.notConnected
        : filled(texts.connected, { time: time(since) }),
    delivery: [
      filled(texts.lastReceived, { time: lastReceivedAt === null ? texts.never : time(lastReceivedAt) }),
      ...(unsent > 0 ? [filled(texts.waiting, { count: count(unsent) })] : []),
    ],
    policy: [
      policy === null || version === null
        ? texts.noPolicy
        : policy.group === null
          ? filled(texts.policyVersion, { version })
          : filled(texts.policyOfGroup, { version, group: policy.group }),
      ...(policy?.trouble ? [filled(texts.policyTrouble, { why: policy.trouble })] : []),
    ],
    today:
      sentToday === null || sentToday.events === 0
        ? texts.nothingToday
        : filled(texts.sentSince, { time: time(sentToday.since), count: count(sentToday.events) }),
  }
}

/** Why it is off. */
export function offReason({ sensitive }: Collected, texts: Texts): string {
  return sensitive ? texts.offByLaw : texts.offByCompany
}

/** The laptop's own time; with the date unless it is today's. */
export function timeIn(language: Language, ms: number, now: number): string {
  const isToday = new Date(ms).toDateString() === new Date(now).toDateString()
  return new Intl.DateTimeFormat(language, {
    ...(isToday ? {} : { dateStyle: 'medium' }),
    timeStyle: 'short',
  }).format(ms)
}
