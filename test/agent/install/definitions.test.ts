/** The jobs of launchd, as a property list says them. launchd itself has not read them. */
import assert from 'node:assert/strict'
import { parsePlist, record } from '../../../agent/collectors/shared/plist.ts'
import { LAUNCHD_LABEL, LAUNCHD_UPGRADE_LABEL, launchdJobs } from '../../../agent/install/definitions.ts'
import { placesOf } from '../../../agent/install/places.ts'

describe('agent/install/definitions, launchd', () => {
  const places = placesOf('macos')
  const jobs = launchdJobs(places)
  const jobOf = (label: string) => record(parsePlist(Buffer.from(jobs[`${label}.plist`]!)))!

  it('the agent starts with the system, comes back at most once a minute, and stays in the background', () => {
    const job = jobOf(LAUNCHD_LABEL)
    assert.deepEqual(job.ProgramArguments, [places.launcher, 'agent', 'run', '--wait-for-enrollment'])
    assert.deepEqual([job.Label, job.RunAtLoad, job.KeepAlive], [LAUNCHD_LABEL, true, true])
    assert.deepEqual(
      [job.ThrottleInterval, job.ProcessType, job.LowPriorityIO, job.Umask],
      [60, 'Background', true, 0o077],
    )
  })

  it('upgrades are looked at when a version is staged, or the policy changes', () => {
    const job = jobOf(LAUNCHD_UPGRADE_LABEL)
    assert.deepEqual(job.ProgramArguments, [places.launcher, 'agent', 'upgrade', '--staged'])
    assert.deepEqual(job.WatchPaths, [places.staged, `${places.state}/agent/policy.json`])
  })

  it('what they write lies where a removal takes it away', () => {
    for (const label of [LAUNCHD_LABEL, LAUNCHD_UPGRADE_LABEL])
      assert.ok(String(jobOf(label).StandardErrorPath).startsWith(`${places.settings}/`))
  })
})
