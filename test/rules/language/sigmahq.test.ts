/** The engine on third-party rules and events, compared with pySigma's results. */
import assert from 'node:assert/strict'
import { parse } from 'yaml'
import { compile, type FlatEvent, type Loaded, load, type Program } from '../../../rules/language/index.ts'
import { needSharedData, ruleFiles, sigmaFiles, sysmonLines, sysmonMatches, windowsEvents } from './shared-data.ts'

/** The rules that Sigma itself forbids to load: a placeholder without values. */
const UNRESOLVED = [
  'win_security_adcs_certighost_cdc_chase_request',
  'win_security_adcs_certighost_cert_issued_via_chase',
]

const CATEGORIES = new Set(
  'process_creation network_connection file_event dns_query registry_set image_load create_remote_thread pipe_created file_delete'.split(
    ' ',
  ),
)

describe('SigmaHQ', function () {
  this.timeout(180_000)
  let files: Map<string, string>
  let loaded: Loaded
  let program: Program

  before(function () {
    needSharedData(this)
    files = sigmaFiles()
    loaded = load(ruleFiles(files))
    program = compile(loaded.rules)
  })

  it('loads every rule but those with unresolved placeholders', () => {
    const refused = loaded.problems.filter(({ severity }) => severity === 'error')
    assert.deepEqual(refused.map(({ path }) => path.replace(/^.*\/|\.yml$/g, '')).sort(), UNRESOLVED)
    assert.ok(refused.every(({ message }) => message.includes('%known_cdcs%')))
    assert.equal(loaded.rules.length, ruleFiles(files).length - UNRESOLVED.length)
  })

  it('finds exactly what pySigma finds in real Sysmon events', () => {
    const expected = sysmonMatches()
    // The oracle was asked about the rules that name one of these categories and no service.
    const asked = new Set(
      loaded.rules
        .filter(({ logsource }) => CATEGORIES.has(logsource.category ?? '') && !logsource.service)
        .map(({ id }) => id),
    )
    assert.equal(asked.size, 2_364)
    const differences: string[] = []
    let judged = 0
    for (const [index, line] of sysmonLines().entries()) {
      const event = JSON.parse(line) as FlatEvent
      if (!CATEGORIES.has(String(event.category))) continue
      judged++
      const found = program
        .match(event)
        .map(({ rule }) => rule.id)
        .filter((id) => asked.has(id))
        .sort()
        .join(' ')
      const wanted = [...(expected[index] ?? [])].sort().join(' ')
      if (found !== wanted) differences.push(`line ${index}: found [${found}], expected [${wanted}]`)
    }
    assert.deepEqual(differences, [])
    assert.equal(judged, 21_835)
  })

  it('fires each rule on its own regression data', () => {
    const missed: string[] = []
    let tested = 0
    for (const rule of loaded.rules) {
      const infoPath = (parse(files.get(rule.path)!.split(/^---$/m)[0]!) as { regression_tests_path?: string })
        .regression_tests_path
      const info = infoPath ? (parse(files.get(infoPath) ?? 'null') as Info | null) : null
      for (const test of info?.regression_tests_info ?? []) {
        if (test.type !== 'evtx') continue
        tested++
        const text = files.get(test.path.replace(/evtx$/, 'json')) ?? files.get(test.path.replace(/evtx$/, 'jsoncls'))
        const { category, product, service } = rule.logsource
        const events = text === undefined ? [] : windowsEvents(text)
        const hits = events.filter((event) =>
          program.match({ ...event, category, product, service }).some((match) => match.rule.id === rule.id),
        )
        if (hits.length < (test.match_count ?? 1))
          missed.push(`${rule.path}: ${hits.length} of ${test.match_count ?? 1}`)
      }
    }
    assert.deepEqual(missed, [])
    assert.equal(tested, 202)
  })
})

interface Info {
  regression_tests_info?: { type: string; path: string; match_count?: number }[]
}
