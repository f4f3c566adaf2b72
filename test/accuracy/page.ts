/** Makes ACCURACY.md from the figures alone. */
import type { Bin } from './calibration.ts'
import type { Accuracy, LookAlikeFigures, PatternFigures, Share, Who } from './figures.ts'
import type { Interval } from './statistics.ts'

const EXAMPLES = 3

export function accuracyPage(it: Accuracy): string {
  return `${[
    '# Accuracy',
    'Made by `npm run accuracy -- --write`; do not edit. The figures are in `accuracy.json`.',
    summary(it),
    ...method(it),
    '## Patterns',
    'Share of infiltrators who reach the band that the pattern states, after their first malicious event. *Own rule*: about how many a rule made for this very pattern found something.',
    patterns(it.patterns),
    ...(it.evasions.length > 0 ? evasions(it) : []),
    '## Look-alikes',
    'Workers who were high or critical at any hour, and should not have been.',
    lookAlikes([...it.lookAlikes, { scenario: '', name: 'ordinary people', ...it.ordinary }]),
    ...(it.lookAlikeVariants.length > 0 ? otherForms(it) : []),
    ...reached(it),
    ...calibration(it),
    ...timePasses(it),
    ...timeToHigh(it),
    ...(it.run.companyWorkers > 0 ? [...queue(it), ...noise(it)] : []),
    '## What falls short',
    'Anybody can rerun one: `npm run accuracy -- --seed SEED --kind KIND --only WORKER --explain` shows the findings about a worker, in order of time.',
    ...shortfalls('Missed', it.missed),
    ...shortfalls('False positives', it.falsePositives),
  ].join('\n\n')}\n`
}

function summary({ patterns, lookAlikes, ordinary, queue, hoursToHigh, run }: Accuracy): string {
  const found = patterns.filter(({ share }) => share === 1).length
  const quiet = lookAlikes.filter(({ share }) => share === 0).length
  const median = hoursToHigh.quantiles.find(([share]) => share === 0.5)?.[1] ?? null
  const lines = [
    `Patterns found at their stated band in every scene: **${found} of ${patterns.length}**`,
    `Look-alikes without anybody high or critical: **${quiet} of ${lookAlikes.length}**`,
    `Ordinary people ever high or critical: **${percent(ordinary.share)}** (${interval(ordinary.interval)}) of ${count(ordinary.people)}`,
    `Median time from the first malicious event to high: **${hours(median)}**`,
  ]
  if (run.companyWorkers > 0)
    lines.push(
      `Infiltrators reviewed within 14 days at 5 reviews a day per 1,000 laptops: **${percent(queue.within.share)}** (${interval(queue.within.interval)})`,
    )
  return lines.map((it) => `- ${it}`).join('\n')
}

function method({ run }: Accuracy): string[] {
  const { scenesWorkers, companyWorkers, days } = run
  return [
    '## How it was measured',
    `${run.count} ${run.seeds} seeds from ${run.first} on; seeds of tuning are 1 to 999, of reporting from 100001 on. The fleets are those of \`tellwire simulate\`, ${days} days from ${run.start}, judged in process by the shipped rules, derivers and catalogue, sensitive rules off, as \`tellwire replay\` would: ${count(run.events)} events in all, ${count(run.eventsPerSecond)} a second in each process, the simulator's share included.`,
    ...(scenesWorkers > 0 ? [scenes(run)] : []),
    ...(companyWorkers > 0
      ? [
          `*Companies*, one a seed: ${count(companyWorkers)} workers, ${run.companyInfiltrators === undefined ? "one in fifty an infiltrator, one in twenty in a look-alike's scene, each drawn by lot in any variant" : `${count(run.companies ?? 0)} in all, with ${count(run.companyInfiltrators)} infiltrators, one in a hundred, and three in a hundred in a look-alike's scene. Scenes are dealt as from a pack of cards, so every pattern occurs, in any variant; in every eighth company four thieves of one role work at a time`}. Here the queue and the noise are measured, because those depend on how rare infiltrators are.`,
        ]
      : []),
    'A worker is assessed at every full hour of simulated time in which their findings changed, and once a day. Intervals are of 95 %: of shares Wilson, with scenes as trials, because the people of one scene share its outcome; of medians and rates by drawing the seeds again.',
    'What a simulator shows is bounded by what its authors thought of. These figures say that the rules do what they are meant to on scenes written from public reports, not how often infiltrators in the world do something else.',
  ]
}

function scenes({ scenesWorkers, infiltrators }: Accuracy['run']): string {
  return `*Scenes*, one a seed: ${count(scenesWorkers)} workers, among them every pattern and every look-alike once, and a fifth of their variants. ${percent(infiltrators)} are infiltrators, so it is no company. For what is found of each pattern that does not matter: scenes share nothing, and rules judge each worker, laptop or shared key alone; only what is measured against peers sees a rougher crowd.`
}

function evasions(it: Accuracy): string[] {
  return [
    '## Evasions',
    "Other forms of the same, most of them made to evade the rules. They are not part of the patterns' figure.",
    patterns(it.evasions),
  ]
}

function otherForms(it: Accuracy): string[] {
  return [
    'Other forms of them. In some, the excuse is missing or has lapsed, so an alert is right; they are not part of the figure.',
    lookAlikes(it.lookAlikeVariants),
  ]
}

const WHO = {
  patterns: 'infiltrators of plain patterns',
  evasions: 'infiltrators of evasions',
  lookAlikes: 'people in look-alikes',
  lookAlikeVariants: 'people in other forms of look-alikes',
  ordinary: 'ordinary people of companies',
} as const

function reached({ reached: rows = [] }: Accuracy): string[] {
  const shown = rows.filter((it) => it.high.people > 0)
  if (shown.length === 0) return []
  return [
    '## Who reaches which band',
    'Whatever band their pattern states: ever at high or critical, and ever at medium or more.',
    table(
      ['', 'people', 'high', '95 %', 'medium', '95 %'],
      shown.map(({ who, high, medium }) => [
        WHO[who],
        count(high.people),
        ...[percent(high.share), interval(high.interval)],
        ...[percent(medium.share), interval(medium.interval)],
      ]),
    ),
  ]
}

function calibration({ calibration: all }: Accuracy): string[] {
  if (!all) return []
  const decibans = (value: number | null) => (value === null ? '' : value.toFixed(1))
  const rows = (bins: readonly Bin[], name: (from: number | null) => string) =>
    bins.map((it) => [
      name(it.from),
      count(it.people),
      count(it.infiltrators),
      it.people === 0 ? '' : percent(it.infiltrators / it.people),
      it.people === 0 ? '' : interval(it.interval),
      ...[decibans(it.stated), decibans(it.observed)],
    ])
  const head = ['points', 'people', 'infiltrators', 'share', '95 %', 'odds by the score', 'observed odds']
  const within = (from: number | null) =>
    from === null ? 'below 0' : from === 30 ? '30 and more' : `${from} to ${from + 10}`
  return [
    '## Calibration',
    'In the companies, how many of those shown were infiltrators. Points are odds in decibans: 0 is one to one, 10 ten to one. Odds by the score are the mean of the points.',
    table(
      head,
      rows(all.shown, (from) => `ever ${from} or more`),
    ),
    'By the highest points of any morning; the highest of many mornings is more than a single one says, most of all for ordinary people.',
    table(head, rows(all.highest, within)),
    'By the points of each morning, a person once a day.',
    table(head, rows(all.mornings, within)),
  ]
}

function timePasses({ drift, aging = [], left }: Accuracy): string[] {
  if (!drift && aging.length === 0) return []
  return [
    '## As time passes',
    ...(drift
      ? [
          `Points of ${count(drift.people)} benign people over ${drift.days} days. They change by ${drift.slope.mean.toFixed(3)} a day on average; one in twenty rises by more than ${(drift.slope.p95 ?? 0).toFixed(3)}, the fastest by ${drift.slope.highest.toFixed(3)}.`,
          table(
            ['day', 'mean', '1 in 100 above', 'highest'],
            drift.at.map((it) => [`${it.day}`, it.mean.toFixed(1), `${it.p99}`, `${it.highest}`]),
          ),
        ]
      : []),
    ...(aging.length > 0
      ? [
          `The same scenes on two days, undecided: ${count(aging[0]!.infiltrators)} infiltrators, and all others.`,
          table(
            ['day', 'infiltrators at high', 'at medium or more', 'others at high', 'at medium or more'],
            aging.map(({ day, high, medium }) => [
              `${day}`,
              ...[high.infiltrators, medium.infiltrators, high.others, medium.others].map(percent),
            ]),
          ),
        ]
      : []),
    ...(left
      ? [
          `Of ${count(left.critical)} people who were critical, the cases of ${count(left.left)} were later no longer open though nobody had decided, ${count(left.infiltrators)} of them infiltrators.`,
        ]
      : []),
  ]
}

function timeToHigh({ hoursToHigh: { people, quantiles, interval: sure } }: Accuracy): string[] {
  return [
    '## Time to high',
    `Hours from the first malicious event until high or critical, plain patterns that state as much, ${count(people)} people. A worker who never got there counts as later than all others. 95 % interval of the median: ${sure ? sure.map(hours).join(' to ') : 'unknown'}.`,
    table(
      quantiles.map(([share]) => (share === 0.5 ? 'median' : percent(share))),
      [quantiles.map(([, value]) => hours(value))],
    ),
  ]
}

function queue({ queue: { within, ever, reviews, confirmedShare } }: Accuracy): string[] {
  return [
    '## The queue',
    'In the companies, an analyst reviews the first cases of the queue each day, 5 a day per 1,000 laptops, and decides correctly; a decided case comes back only with evidence of a new kind.',
    table(
      ['', 'infiltrators', 'share', '95 %'],
      [
        ['reviewed within 14 days of the first malicious event', ...cells(within)],
        ['reviewed by the end', ...cells(ever)],
      ],
    ),
    `Used: ${reviews.toFixed(2)} reviews a day per 1,000 laptops; ${confirmedShare === null ? 'none' : percent(confirmedShare)} of them were of an infiltrator.`,
  ]
}

const NOISE = {
  findings: 'findings, before scoring',
  medium: 'workers who rise to medium or above',
  high: 'workers who rise to high or critical',
} as const

function noise({ alerts }: Accuracy): string[] {
  const rows = alerts.map(({ name, of, rate, interval: sure }) => [
    of === 'others' ? NOISE[name] : `${NOISE[name]}: infiltrators`,
    rate.toFixed(2),
    sure ? `${sure[0].toFixed(2)} to ${sure[1].toFixed(2)}` : 'unknown',
  ])
  return [
    '## Noise',
    'In the companies, per 1,000 laptops and day: for all who are not infiltrators, and what infiltrators add.',
    table(['', 'rate', '95 %'], rows),
  ]
}

function patterns(rows: readonly PatternFigures[]): string {
  return table(
    ['', 'pattern', 'stated', 'people', 'scenes', 'reached', '95 %', 'own rule', 'median time'],
    rows.map((it) => [it.scenario, it.name, it.stated, ...cells(it, true), percent(it.own), hours(it.medianHours)]),
  )
}

function lookAlikes(rows: readonly LookAlikeFigures[]): string {
  return table(
    ['', 'look-alike', 'people', 'scenes', 'false positives', '95 %'],
    rows.map((it) => [it.scenario, it.name, ...cells(it, true)]),
  )
}

/** By scene, the most frequent first; equal findings are shown once. */
function shortfalls(title: string, people: readonly Who[]): string[] {
  if (people.length === 0) return [`${title}: none.`]
  const groups = [...Map.groupBy(people, (it) => it.scenario ?? 'ordinary people')].sort(
    (a, b) => b[1].length - a[1].length,
  )
  return [
    `### ${title}: ${people.length}`,
    groups
      .map(([scenario, them]) =>
        [
          `- **${scenario}**, ${them.length} ${them.length === 1 ? 'person' : 'people'}`,
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

/** 100 % and 0 % only for all or none. */
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

/** A reason may contain text from an event: escapes markup. */
function text(raw: string): string {
  return raw.replace(/[\\`*_<>|[\]]/g, '\\$&').replace(/\s+/g, ' ')
}
