/** What a tuner writes while the server runs: rules and correlations of their own, and filters of shipped ones. */
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

type Random = () => number

const EDITS: Readonly<Record<string, (level: string) => string>> = {
  'browser.yml': (level) => `
title: Any browser
id: 33333333-3333-4333-8333-333333333333
level: ${level}
logsource: { category: process_creation }
detection: { it: { Image|contains: [chrome, firefox] }, condition: it }
`,
  'browsers.yml': (level) => `
title: Browsers in a row
id: 44444444-4444-4444-8444-444444444444
level: ${level}
correlation:
  type: event_count
  rules: [33333333-3333-4333-8333-333333333333]
  group-by: [worker]
  timespan: 10m
  condition: { gte: 3 }
  generate: true
`,
  'filter.yml': () => `
title: Help desk
id: 22222222-2222-4222-8222-222222222222
logsource: { category: tool }
filter:
  rules: any
  it: { Tool|contains: e }
  condition: not it
`,
  'uploads.yml': (level) => `
title: Any copy to a cloud
id: 55555555-5555-4555-8555-555555555555
level: ${level}
logsource: { category: process_creation }
detection: { it: { Image|endswith: /rclone }, condition: it }
`,
}
const LEVELS = ['low', 'medium', 'high']
/** Counts others of these: it comes after them, and goes before them. */
const COUNTS = { 'browsers.yml': 'browser.yml' }

/** One of them comes, goes, or changes its level. */
export function editRules(folder: string, random: Random): void {
  const names = Object.keys(EDITS)
  const name = names[Math.floor(random() * names.length)]!
  const level = LEVELS[Math.floor(random() * LEVELS.length)]!
  if (existsSync(join(folder, name)) && random() < 0.4) remove(folder, name)
  else write(folder, name, level)
}

function write(folder: string, name: string, level: string): void {
  const counted = COUNTS[name as keyof typeof COUNTS]
  if (counted && !existsSync(join(folder, counted))) write(folder, counted, level)
  // At once, as an editor does it: a server that starts meanwhile reads one or the other.
  writeFileSync(join(folder, `${name}.new`), EDITS[name]!(level))
  renameSync(join(folder, `${name}.new`), join(folder, name))
}

function remove(folder: string, name: string): void {
  for (const [above, below] of Object.entries(COUNTS)) if (below === name) rmSync(join(folder, above), { force: true })
  rmSync(join(folder, name))
}
