/** Findings with the facts about their rules. */
import type { Finding } from '../model/finding.ts'
import { RULES_PART, type RuleFacts } from '../model/rule.ts'
import type { Judged, Reader } from './reader.ts'
import type { FindingView } from './schema.ts'

/** In the order of `findings`. */
export async function findingViews(
  reader: Pick<Reader, 'store'>,
  findings: readonly Finding[],
  judged: Judged | null,
): Promise<FindingView[]> {
  const facts = await factsOf(reader, findings, judged)
  return findings.map((it) => findingView(it, facts.get(it.rule) ?? NO_FACTS))
}

/** What people read about each rule that found something. */
async function factsOf(
  reader: Pick<Reader, 'store'>,
  findings: readonly Finding[],
  judged: Judged | null,
): Promise<Map<string, RuleFacts>> {
  const rules = [...new Set(findings.map((it) => it.rule))]
  const kept = await Promise.all(
    rules.map((it) => judged && reader.store.evaluations.keptOf(judged.id, RULES_PART, it)),
  )
  return new Map(
    rules.flatMap((rule, index) => {
      const text = kept[index]
      return text ? [[rule, JSON.parse(text) as RuleFacts]] : []
    }),
  )
}

const NO_FACTS: RuleFacts = {
  ...{ blindTo: null, response: null, falsepositives: [], tags: [] },
  ...{ author: null, license: null, link: null },
}

function findingView(finding: Finding, facts: RuleFacts): FindingView {
  const { id, rule, title, level, family, strength, device, time, lastTime, count, says, events } = finding
  return {
    ...{ id, rule, title, level, family, strength, device, time, lastTime, count, says },
    ...facts,
    events: events.map((event) => ({ ...event })),
  }
}
