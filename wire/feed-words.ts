/**
 * The words of identity providers, code hosts and HR systems, as our words: one table for recordings, the API and
 * connectors.
 *
 * Shape   a word is compared without regard to case and separators: `git.clone`, `GitClone` and `GIT_CLONE` are one. The
 *         table decides first. A word that it does not have is read by its parts, so that `user.login.succeeded` is a
 *         success; parts that contradict each other decide nothing.
 * Errors  'unknown' for a word that neither decides. Unknown is no failure and no success: the event is stored, and the
 *         sender's word stands beside it, to be counted and shown.
 * Source  Okta System Log `outcome.result`; Microsoft Entra sign-in error codes (AADSTS); Duo authentication logs;
 *         Google Workspace login audit; Auth0 log event types; GitHub, GitLab, Bitbucket and Azure DevOps audit events;
 *         Workday business processes; all as documented by their makers in November 2026.
 */

/**
 * What came of a login: 'denied' by a person or a policy, 'challenge': another step was asked for and the login was not
 * finished.
 */
export const LOGIN_RESULTS = ['success', 'failure', 'denied', 'challenge', 'unknown'] as const
export type LoginResult = (typeof LOGIN_RESULTS)[number]

/** What was done at the code host. */
export const REPO_ACTIONS = [
  ...(['clone', 'fetch', 'download', 'push', 'force_push', 'fork', 'transfer', 'made_public'] as const),
  ...(['create', 'delete', 'branch_delete', 'list'] as const),
  ...(['token_created', 'key_added', 'app_authorised'] as const),
  ...(['role_granted', 'publisher_added', 'signer_added', 'unknown'] as const),
] as const
export type RepoAction = (typeof REPO_ACTIONS)[number]

/** Our word for a login's result; a number is an error code of Microsoft Entra. */
export function loginResult(word: string | number): LoginResult {
  const plain = plainWord(String(word))
  return RESULTS.get(plain) ?? ENTRA.get(plain) ?? decided(plain, RESULT_PARTS) ?? 'unknown'
}

/** Our word for an action at a code host. */
export function repoAction(word: string): RepoAction {
  const plain = plainWord(word)
  return ACTIONS.get(plain) ?? actionByParts(plain) ?? 'unknown'
}

/** Our word for a change of a contract; null for a word that names none. */
export function contractAction(word: string): string | null {
  return CONTRACT_ACTIONS.get(plainWord(word)) ?? null
}

/** Lower case, parts separated by '_': 'UserLoggedIn', 'user.logged-in' and 'USER LOGGED IN' are 'user_logged_in'. */
function plainWord(word: string): string {
  const parts = /[a-z]/.test(word) ? word.replace(/([a-z0-9])([A-Z])/g, '$1_$2') : word
  return parts
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '_')
    .replace(/^_+|_+$/g, '')
}

function wordSet(words: string): ReadonlySet<string> {
  return new Set(words.trim().split(/\s+/))
}

function table<T extends string>(rows: Partial<Record<T, string>>): ReadonlyMap<string, T> {
  return new Map(
    (Object.entries(rows) as [T, string][]).flatMap(([ours, words]) =>
      [ours, ...wordSet(words)].filter(Boolean).map((it): [string, T] => [it, ours]),
    ),
  )
}

const RESULTS = table<LoginResult>({
  success: `
    s ok succeeded successful successfully allow allowed pass passed grant granted accept accepted approved true yes
    logged_in user_logged_in signed_in user_signed_in login sign_in authenticated login_verification
    user_approved trusted_device trusted_network remembered_device valid_passcode bypass_user
    ssa slo sapi sede sens seacft sepft`,
  failure: `
    fail failed error invalid rejected unsuccessful false no f fp fu fsa fcoa feacft feoobft
    invalid_credentials invalid_password wrong_password bad_password login_error user_login_failed
    unanswered abandoned timeout timed_out no_response invalid_passcode`,
  denied: `
    deny block blocked disallowed forbidden fraud locked locked_out locked_user user_marked_fraud anomalous_push
    suspicious_login login_denied anonymous_ip endpoint_is_not_trusted user_disabled version_restricted`,
  challenge: `
    challenged pending deferred login_challenge mfa_required mfa_challenge second_factor_required enroll user_enroll
    interrupted skipped otp_required`,
  unknown: 'scheduled rate_limit n_a none null undefined other',
})

/**
 * Error codes of Microsoft Entra. A failure: a wrong password, user, code, certificate or token. Denied: conditional
 * access, a risk policy, an application that is not assigned. A challenge: another factor, a new password, consent or a
 * choice of account is asked for, and the login goes on.
 */
const ENTRA = table<LoginResult>({
  success: '0',
  failure: `
    16002 50003 50008 50010 50011 50012 50013 50014 50017 50020 50034 50053 50056 50057 50059 50064 50089 50107 50126
    50128 50131 50133 50135 50136 50146 50173 50178 50194 500011 500014 500121 500133 500171 500172 500173 500208
    700003 700016 700027 70044 700082 700084 7000112 7000215 7000218 7000222 80002 80012 81004 81005 81006 81007`,
  denied: `
    50005 50105 50177 53000 53001 53002 53003 53004 53009 53010 53011 500021 500022 530001 530002 530003 530004 530021
    530022 530031 530032 530034 530035`,
  challenge: `
    16000 16001 16003 17003 50019 50055 50058 50072 50074 50076 50078 50079 50097 50125 50127 50129 50140 50142 50143
    50144 50158 50187 50196 50199 50203 51006 52004 65001 65004 81010 81012 81014 502031 500123 9002341`,
})

/** The parts that decide, the strongest first. */
const RESULT_PARTS: readonly (readonly [LoginResult, ReadonlySet<string>])[] = [
  ['denied', new Set(['denied', 'deny', 'blocked', 'block', 'forbidden', 'fraud', 'locked'])],
  ['failure', new Set(['fail', 'failed', 'failure', 'fails', 'error', 'invalid', 'incorrect', 'wrong', 'rejected'])],
  ['challenge', new Set(['challenge', 'challenged', 'required', 'interrupted', 'pending'])],
  ['success', new Set(['success', 'succeeded', 'successful', 'successfully', 'allowed', 'granted', 'approved'])],
]
/** Parts that turn a word into its opposite: such a word decides nothing. */
const NEGATIONS: ReadonlySet<string> = new Set(['not', 'no', 'non', 'never', 'without', 'un'])

function decided<T>(plain: string, table: readonly (readonly [T, ReadonlySet<string>])[]): T | null {
  const parts = plain.split('_')
  if (parts.some((it) => NEGATIONS.has(it))) return null
  return table.find(([, words]) => parts.some((it) => words.has(it)))?.[0] ?? null
}

const ACTIONS = table<RepoAction>({
  clone: 'git_clone cloned repo_clone repository_clone repository_cloned git_repository_cloned',
  fetch: `
    git_fetch fetched pull pulled git_pull gitpull git_upload_pack upload_pack repo_fetch repository_fetched
    repository_fetch`,
  download: `
    repo_download_zip download_zip downloaded archive_downloaded repo_download repository_download zipball tarball
    repository_archive project_export project_export_created project_exported project_export_download_started
    repository_export source_archive git_archive codebase_downloaded`,
  push: `
    git_push pushed gitpush git_receive_pack receive_pack repo_push repo_refs_changed repository_push repository_pushed
    pushed_to pushed_new ref_updated`,
  force_push: `
    git_force_push forced_push forced push_force git_ref_force_push
   `,
  fork: 'forked repo_fork repo_forked repository_forked project_forked repository_fork',
  transfer: `
    transferred repo_transfer repo_transfer_start repo_transfer_outgoing repository_transferred project_transferred
    project_moved repo_transferred`,
  made_public: `
    repo_publicized publicized visibility_public repo_made_public repository_made_public public repository_public
    project_made_public repo_access_public visibility_changed_to_public`,
  create: `
    created repo_create repo_created repository_created project_created git_repository_created repo_imported
    repository_imported`,
  delete: `
    deleted destroy destroyed repo_destroy repo_deleted repo_delete repository_deleted project_destroyed project_deleted
    git_repository_deleted removed`,
  branch_delete: 'branch_deleted delete_branch branch_destroyed git_branch_deleted git_ref_deleted ref_deleted',
  list: 'listed list_repositories repositories_listed repos_list org_repositories_listed',
  token_created: `
    personal_access_token_created personal_access_token_create personal_access_token_access_granted
    oauth_access_create access_token_created access_token_create token_create
    pat_created token_pat_create_event project_access_token_created group_access_token_created token_generated
    deploy_token_created api_token_created app_password_created user_access_token_created
    fine_grained_personal_access_token_created`,
  key_added: `
    public_key_create ssh_key_created ssh_key_added key_created deploy_key_create deploy_key_created deploy_key_added
    add_ssh_key user_ssh_key_added gpg_key_created gpg_key_create gpg_key_added token_ssh_create_event access_key_added`,
  app_authorised: `
    app_authorized oauth_authorization_create oauth_application_authorized integration_installation_create
    integration_installed app_installed authorized_application oauth_authorization_created user_authorized_oauth_app`,
  role_granted: `
    org_update_member role_added role_assigned permission_granted member_role_changed repository_permission_granted
    repo_update_member project_permission_granted access_level_changed owner_added org_invite_admin promoted_to_owner`,
  publisher_added:
    'package_owner_added maintainer_added package_maintainer_added collaborator_published trusted_publisher_added',
  signer_added: 'signing_key_added signer_created release_key_added',
  unknown: '',
})

/** Of what a part says that the act did not happen, or was undone. */
const UNDONE: ReadonlySet<string> = wordSet(`
  failed fail denied error cancel cancelled canceled disable disabled enable
  enabled revoke revoked remove removed request requested expired blocked`)
const BEGUN: ReadonlySet<string> = wordSet(`
  create created add added generate generated grant granted install installed
  authorize authorized authorise authorised register registered new`)
const ENDED: ReadonlySet<string> = new Set(['delete', 'deleted', 'destroy', 'destroyed'])

/** A word whose parts name both an object and an act; null when they do not, or something was undone. */
function actionByParts(plain: string): RepoAction | null {
  const parts = new Set(plain.split('_'))
  const has = (...words: string[]) => words.some((it) => parts.has(it))
  const is = (words: ReadonlySet<string>) => [...words].some((it) => parts.has(it))
  const hasTarget = has('repo', 'repos', 'repository', 'repositories', 'project', 'git')
  if (is(UNDONE) || is(NEGATIONS)) return null
  if (has('clone', 'cloned')) return 'clone'
  if (has('branch', 'ref') && is(ENDED)) return 'branch_delete'
  if (has('token', 'pat') && is(BEGUN)) return 'token_created'
  if (has('key') && has('ssh', 'deploy', 'gpg', 'public') && is(BEGUN)) return 'key_added'
  if (has('app', 'application', 'oauth', 'integration') && is(BEGUN)) return 'app_authorised'
  if (!hasTarget) return null
  if (has('download', 'downloaded', 'zip', 'zipball', 'tarball', 'export', 'exported')) return 'download'
  if (has('force', 'forced') && has('push', 'pushed')) return 'force_push'
  if (has('push', 'pushed')) return 'push'
  if (has('fetch', 'fetched', 'pull', 'pulled') && !has('request')) return 'fetch'
  if (has('fork', 'forked')) return 'fork'
  if (has('transfer', 'transferred')) return 'transfer'
  if (is(ENDED)) return has('hook', 'webhook', 'member', 'topic', 'secret', 'rule') ? null : 'delete'
  return null
}

const CONTRACT_ACTIONS = table({
  address_changed: 'home_address_change home_address_changed contact_change home_contact_change change_home_address',
  ship_to_changed: 'ship_to_change shipping_address_changed delivery_address_changed',
  ending: 'contract_ending resignation resigned notice_given termination_scheduled contract_end_scheduled offboarding',
  ended:
    'end end_contract contract_ended terminated termination terminate_employee end_contingent_worker_contract left',
  payout_changed: `
    payment_election_change payment_elections_changed bank_account_changed direct_deposit_changed payroll_account_changed
    payout_change bank_details_changed`,
  referral: 'referred employee_referral referred_by',
})
