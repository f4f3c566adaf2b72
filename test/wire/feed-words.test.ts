import assert from 'node:assert/strict'
import { contractAction, type LoginResult, loginResult, type RepoAction, repoAction } from '../../wire/feed-words.ts'
import { Recorded } from '../../wire/recording.ts'

const RESULTS: { from: string; words: (string | number)[]; ours: LoginResult }[] = [
  { from: 'Okta', words: ['SUCCESS', 'ALLOW', 'success', 'Allow'], ours: 'success' },
  { from: 'Okta', words: ['FAILURE', 'UNANSWERED', 'ABANDONED'], ours: 'failure' },
  { from: 'Okta', words: ['DENY'], ours: 'denied' },
  { from: 'Okta', words: ['CHALLENGE', 'DEFERRED'], ours: 'challenge' },
  { from: 'Okta', words: ['UNKNOWN', 'RATE_LIMIT', 'SCHEDULED'], ours: 'unknown' },
  { from: 'Entra', words: ['0', 0], ours: 'success' },
  { from: 'Entra, a wrong password or user', words: ['50126', 50126, '50034', '500121'], ours: 'failure' },
  { from: 'Entra, conditional access', words: ['53003', 53003, '53000', '50105', '530032'], ours: 'denied' },
  { from: 'Entra, another step', words: ['50074', '50076', '50140', '50058', '65001'], ours: 'challenge' },
  { from: 'Entra, a code that nobody has heard of', words: ['999999', 59999], ours: 'unknown' },
  { from: 'Google', words: ['login_success'], ours: 'success' },
  { from: 'Google', words: ['login_failure'], ours: 'failure' },
  { from: 'Google', words: ['login_challenge'], ours: 'challenge' },
  { from: 'Duo', words: ['success', 'user_approved', 'trusted_device'], ours: 'success' },
  { from: 'Duo', words: ['denied', 'fraud', 'user_marked_fraud'], ours: 'denied' },
  { from: 'Duo', words: ['error', 'no_response'], ours: 'failure' },
  { from: 'Microsoft 365', words: ['UserLoggedIn'], ours: 'success' },
  { from: 'Microsoft 365', words: ['UserLoginFailed'], ours: 'failure' },
  { from: 'Auth0', words: ['s'], ours: 'success' },
  { from: 'Auth0', words: ['fp', 'fu'], ours: 'failure' },
  {
    from: 'others, by their parts',
    words: ['user.login.succeeded', 'LoginSuccessful', 'AUTH-SUCCESS'],
    ours: 'success',
  },
  { from: 'others, by their parts', words: ['auth.failed', 'Login Failed', 'invalid_token'], ours: 'failure' },
  { from: 'a success that failed', words: ['success_check_failed'], ours: 'failure' },
  { from: 'a negation', words: ['not_successful', 'login.not.allowed'], ours: 'unknown' },
  { from: 'nobody', words: ['', 'WIBBLE', '…', 'successor', '7'], ours: 'unknown' },
]

const ACTIONS: { from: string; words: string[]; ours: RepoAction }[] = [
  { from: 'us', words: ['clone'], ours: 'clone' },
  { from: 'GitHub', words: ['git.clone', 'GIT.CLONE'], ours: 'clone' },
  { from: 'GitHub', words: ['repo.download_zip'], ours: 'download' },
  { from: 'GitHub', words: ['git.push'], ours: 'push' },
  { from: 'GitHub', words: ['git.fetch'], ours: 'fetch' },
  { from: 'GitHub', words: ['repo.create'], ours: 'create' },
  { from: 'GitHub', words: ['repo.destroy'], ours: 'delete' },
  { from: 'GitHub', words: ['repo.transfer', 'repo.transfer_start'], ours: 'transfer' },
  { from: 'GitHub', words: ['personal_access_token.create', 'oauth_access.create'], ours: 'token_created' },
  { from: 'GitHub', words: ['public_key.create'], ours: 'key_added' },
  { from: 'GitHub', words: ['oauth_authorization.create', 'integration_installation.create'], ours: 'app_authorised' },
  { from: 'GitLab', words: ['git-upload-pack'], ours: 'fetch' },
  { from: 'GitLab', words: ['git-receive-pack', 'pushed to'], ours: 'push' },
  { from: 'GitLab', words: ['project_destroyed'], ours: 'delete' },
  { from: 'GitLab', words: ['project_export_created'], ours: 'download' },
  { from: 'GitLab', words: ['personal_access_token_created'], ours: 'token_created' },
  { from: 'Bitbucket', words: ['repo:push', 'Repository pushed'], ours: 'push' },
  { from: 'Bitbucket', words: ['Repository cloned'], ours: 'clone' },
  { from: 'Bitbucket', words: ['repo:fork'], ours: 'fork' },
  { from: 'Azure DevOps', words: ['Git.RepositoryDeleted'], ours: 'delete' },
  { from: 'Azure DevOps', words: ['Token.PatCreateEvent'], ours: 'token_created' },
  { from: 'AWS CodeCommit', words: ['GitPull'], ours: 'fetch' },
  { from: 'what was undone or refused', words: ['git.clone_failed', 'repo.transfer_cancel'], ours: 'unknown' },
  {
    from: 'what only sounds alike',
    words: ['private_repository_forking.enable', 'pull_request.create'],
    ours: 'unknown',
  },
  { from: 'other acts', words: ['repo.rename', 'workflows.created_workflow_run', 'team.add_member'], ours: 'unknown' },
]

describe('wire/feed-words', () => {
  for (const { from, words, ours } of RESULTS)
    for (const word of words) it(`${from}: ${word} is ${ours}`, () => assert.equal(loginResult(word), ours))
  for (const { from, words, ours } of ACTIONS)
    for (const word of words) it(`${from}: ${word} is ${ours}`, () => assert.equal(repoAction(word), ours))

  it('reads HR words, and leaves others to the schema', () => {
    assert.deepEqual(
      ['Termination', 'ended', 'Home Address Change', 'Direct Deposit Changed', 'Promotion'].map(contractAction),
      ['ended', 'ended', 'address_changed', 'payout_changed', null],
    )
  })

  const line = (event: object) =>
    Recorded.parse({ type: 'feed', worker: 'w1', time: Date.UTC(2026, 10, 22), event }) as { event: { id: string } }

  it('a recording has our words, and the unknown one as it was sent', () => {
    assert.deepEqual(
      [
        { category: 'idp_login', Result: 'ALLOW' },
        { category: 'idp_login', Result: 53003 },
        { category: 'idp_login', Result: 'WIBBLE' },
        { category: 'repo_audit', Action: 'repo.rename' },
      ].map((it) => {
        const { Result, Action, Word } = line(it).event as { Result?: string; Action?: string; Word?: string }
        return [Result ?? Action, Word]
      }),
      [
        ['success', undefined],
        ['denied', undefined],
        ['unknown', 'WIBBLE'],
        ['unknown', 'repo.rename'],
      ],
    )
  })

  it('reading it again changes nothing', () => {
    const once = line({ category: 'repo_audit', Action: 'repo.rename', Repository: 'acme/app' })
    assert.deepEqual(Recorded.parse(JSON.parse(JSON.stringify(once))), once)
  })

  it('a complete line with a raw word, as an older log has it, is read in our words', () => {
    const complete = line({ category: 'idp_login', Result: 'success' })
    const raw = { ...complete, event: { ...complete.event, Result: 'SUCCESS' } }
    assert.deepEqual(Recorded.parse(raw), complete)
  })
})
