/** ACCURACY.md from the figures, and from nothing else. */
import type { Accuracy, LookAlikeFigures, PatternFigures, Share, Who } from './figures.ts'
import type { Interval } from './statistics.ts'

const EXAMPLES = 3

export function accuracyPage(it: Accuracy): string {
  const { run, queue } = it
  const found = it.patterns.filter(({ share }) => share === 1).length
  const quiet = it.lookAlikes.filter(({ share }) => share === 0).length
  return `${[
    '# Accuracy',
    `Made by \`npm run accuracy -- --write\`; do not edit. The figures are in \`accuracy.json\`.`,
    [
      `- Patterns found at their stated band in every scene: **${found} of ${it.patterns.length}**`,
      `- Look-alikes without anybody high or critical: **${quiet} of ${it.lookAlikes.length}**`,
      `- Infiltrators reviewed within 14 days at 5 reviews a day per 1,000 laptops: **${percent(queue.within.share)}** (${interval(queue.within.interval)})`,
      `- Ordinary people ever high or critical: **${percent(it.ordinary.share)}** (${interval(it.ordinary.interval)}) of ${count(it.ordinary.people)}`,
      `- Median time from the first malicious event to high: **${hours(median(it))}**`,
    ].join('\n'),
    '## How it was measured',
    [
      `${run.count} ${run.seeds} seeds from ${run.first} on; seeds of tuning are 1 to 999 and are never reported. Each seed is two fleets that \`tellwire simulate\` makes, of ${run.days} days from ${run.start}, judged in process by the shipped rules, derivers and catalogue, sensitive rules off, as \`tellwire replay\` would: ${count(run.events)} events in all, ${count(run.eventsPerSecond)} a second and process, simulator included.`,
      `*Scenes*: ${count(run.scenesWorkers)} workers, among them every pattern and every look-alike once, and a third of the variants. So many are infiltrators that it is no company; for what is found of each pattern that does not matter, as scenes share nothing and rules judge each worker, laptop or shared key alone. What is measured against peers sees a rougher crowd than it would.`,
      `*Companies*: ${count(run.companyWorkers)} workers, one in a hundred an infiltrator, one in twenty in a look-alike's scene, each drawn by lot in any variant. Here the queue and the noise are measured, because those depend on how rare infiltrators are.`,
      'Everybody is looked at every full hour of simulated time in which something about them changed, and once a day. Intervals are of 95 %: of shares Wilson, with scenes as trials, because the people of one scene go the same way; of medians and rates by drawing the seeds again.',
      'What a simulator shows is bounded by what its authors thought of. These figures say that the rules do what they are meant to on scenes written from public reports, not how often infiltrators in the world do something else.',
    ].join('\n\n'),
    '## Patterns',
    'Share of infiltrators who reach the band that the pattern states, after their first malicious event. *Own rule*: about how many a rule made for this very pattern found something.',
    patterns(it.patterns),
    '## Evasions',
    "Other forms of the same, most of them made to get past the rules. They do not count into the patterns' figure.",
    patterns(it.evasions),
    '## Look-alikes',
    'Workers who stood at high or critical at any hour, and should not have.',
    lookAlikes([...it.lookAlikes, { scenario: '', name: 'ordinary people', ...it.ordinary }]),
    ...(it.lookAlikeVariants.length > 0 ? ['Other forms of them:', lookAlikes(it.lookAlikeVariants)] : []),
    '## The queue',
    [
      `In the companies, somebody looks at the first cases of the queue each day, 5 a day per 1,000 laptops, and decides rightly; who was decided upon comes back only with evidence of a new kind.`,
      table(
        ['', 'infiltrators', 'share', '95 %'],
        [
          ['reviewed within 14 days of the first malicious event', ...cells(queue.within)],
          ['reviewed by the end', ...cells(queue.ever)],
        ],
      ),
      `Used: ${queue.share.toFixed(2)} reviews a day per 1,000 laptops; ${queue.confirmedShare === null ? 'none' : percent(queue.confirmedShare)} of them met an infiltrator.`,
    ].join('\n\n'),
    '## Time to high',
    `Hours from the first malicious event until high or critical, plain patterns that state as much, ${it.hoursToHigh.people} people. Who never got there counts as later than all others. 95 % interval of the median: ${it.hoursToHigh.interval ? it.hoursToHigh.interval.map(hours).join(' to ') : 'unknown'}.`,
    table(
      it.hoursToHigh.quantiles.map(([share]) => (share === 0.5 ? 'median' : `${share * 100} %`)),
      [it.hoursToHigh.quantiles.map(([, value]) => hours(value))],
    ),
    '## Noise',
    'In the companies, per 1,000 laptops and day, infiltrators included.',
    table(
      ['', 'rate', '95 %'],
      it.alerts.map(({ name, rate, interval: sure }) => [
        {
          findings: 'findings, before scoring',
          medium: 'workers who rise to medium or above',
          high: 'workers who rise to high or critical',
        }[name],
        rate.toFixed(2),
        sure ? `${sure[0].toFixed(2)} to ${sure[1].toFixed(2)}` : 'unknown',
      ]),
    ),
    '## What falls short',
    'Anybody can rerun one: `npm run accuracy -- --seed SEED --kind KIND --only WORKER --explain` tells what was found about a worker, and when.',
    ...shortfalls('Missed', it.missed),
    ...shortfalls('Wronged', it.wronged),
  ].join('\n\n')}\n`
}

function patterns(rows: readonly PatternFigures[]): string {
  return table(
    ['', 'pattern', 'stated', 'people', 'scenes', 'reached', '95 %', 'own rule', 'median time'],
    rows.map((it) => [it.scenario, it.name, it.stated, ...cells(it, true), percent(it.own), hours(it.medianHours)]),
  )
}

function lookAlikes(rows: readonly LookAlikeFigures[]): string {
  return table(
    ['', 'look-alike', 'people', 'scenes', 'wronged', '95 %'],
    rows.map((it) => [it.scenario, it.name, ...cells(it, true)]),
  )
}

/** By scene, the most frequent first; the same findings are told once. */
function shortfalls(title: string, people: readonly Who[]): string[] {
  if (people.length === 0) return [`${title}: nobody.`]
  const groups = [...Map.groupBy(people, (it) => it.scenario ?? 'ordinary people')].sort(
    (a, b) => b[1].length - a[1].length,
  )
  return [
    `### ${title}: ${people.length}`,
    groups
      .map(([scenario, them]) =>
        [
          `- **${scenario}**, ${them.length} people`,
          ...them
            .slice(0, EXAMPLES)
            .map(
              (it) =>
                `  - seed ${it.seed}, ${it.fleet}, ${it.worker}: ${it.band}${it.day === null ? '' : ` on day ${it.day}`}, ${text(it.reason)}. Found: ${it.findings.length > 0 ? it.findings.map(text).join('; ') : 'nothing'}.`,
            ),
          ...(them.length > EXAMPLES ? [`  - and ${them.length - EXAMPLES} more in \`accuracy.json\``] : []),
        ].join('\n'),
      )
      .join('\n'),
  ]
}

function cells(it: Share, scenes = false): string[] {
  return [`${it.people}`, ...(scenes ? [`${it.scenes}`] : []), percent(it.share), interval(it.interval)]
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

function median({ hoursToHigh }: Accuracy): number | null {
  return hoursToHigh.quantiles.find(([share]) => share === 0.5)?.[1] ?? null
}

/** 100 % and 0 % only where it is all or nobody. */
export function percent(share: number): string {
  if (share === 0 || share === 1) return `${share * 100} %`
  return `${Math.min(99.9, Math.max(0.1, share * 100)).toFixed(share > 0.01 && share < 0.995 ? 0 : 1)} %`
}

function interval([low, high]: Interval): string {
  return `${percent(low)} to ${percent(high)}`
}

export function hours(value: number | null): string {
  if (value === null) return 'not by the end'
  if (value === 0) return 'at once'
  return value < 72 ? `${value < 10 ? value.toFixed(1) : Math.round(value)} h` : `${(value / 24).toFixed(1)} d`
}

function count(value: number): string {
  return value.toLocaleString('en')
}

/** What stood in an event may stand in a reason: no markup of ours. */
function text(said: string): string {
  return said.replace(/[\\`*_<>|[\]]/g, '\\$&').replace(/\s+/g, ' ')
}
