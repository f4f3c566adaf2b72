/** Rule edits while the server runs: custom rules and correlations, and filters for shipped rules. */
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
/** A correlation and the rule that it needs: the rule is written first, and removed last. */
const NEEDS = { 'browsers.yml': 'browser.yml' }

/** Adds, removes or changes a random rule. */
export function editRules(folder: string, random: Random): void {
  const names = Object.keys(EDITS)
  const name = names[Math.floor(random() * names.length)]!
  const level = LEVELS[Math.floor(random() * LEVELS.length)]!
  if (existsSync(join(folder, name)) && random() < 0.4) remove(folder, name)
  else write(folder, name, level)
}

function write(folder: string, name: string, level: string): void {
  const needed = NEEDS[name as keyof typeof NEEDS]
  if (needed && !existsSync(join(folder, needed))) write(folder, needed, level)
  // Atomically, as editors do: a server that starts meanwhile reads the old or the new file.
  writeFileSync(join(folder, `${name}.new`), EDITS[name]!(level))
  renameSync(join(folder, `${name}.new`), join(folder, name))
}

function remove(folder: string, name: string): void {
  for (const [rule, needed] of Object.entries(NEEDS)) if (needed === name) rmSync(join(folder, rule), { force: true })
  rmSync(join(folder, name))
}
