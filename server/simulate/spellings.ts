/**
 * How the systems of a company spell what they send: results of logins, actions at the code host, names of accounts.
 *
 * Shape   each application has a spelling of its own for all workers, the code host one for the company. One worker in
 *         sixteen has capital letters in the code host's account name (assumed).
 * Source  Okta System Log, Duo authentication log, Microsoft Entra sign-in logs (error codes), Google Workspace audit;
 *         GitHub's and GitLab's audit events; as documented by their makers.
 */
import { hashOf } from './random.ts'

const RESULTS = [
  { success: 'SUCCESS', failure: 'FAILURE' },
  { success: 'success', failure: 'failure' },
  { success: 'ALLOW', failure: 'FAILURE' },
  { success: '0', failure: '50126' },
  { success: 'Success', failure: 'Failure' },
] as const
const ACTIONS = [
  { clone: 'clone', push: 'push' },
  { clone: 'git.clone', push: 'git.push' },
  { clone: 'CLONE', push: 'PUSH' },
] as const

export const spelledResult = (seed: number, app: string, result: 'success' | 'failure'): string =>
  of(RESULTS, `${seed} result ${app}`)[result]

export const spelledAction = (seed: number, action: 'clone' | 'push'): string =>
  of(ACTIONS, `${seed} code host`)[action]

export const spelledAccount = (worker: string): string =>
  (hashOf(`account ${worker}`) & 15) === 0 ? worker.toUpperCase() : worker

function of<T>(spellings: readonly T[], key: string): T {
  return spellings[(hashOf(key) >>> 0) % spellings.length]!
}
