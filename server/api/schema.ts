/**
 * What the API takes, and what it returns besides the views (`server/views/schema.ts`). OpenAPI and the types of
 * server and console are made from the two.
 */
import * as z from 'zod'
import { epochMs, workerName } from '../../wire/common.ts'
import { Approval, Contract } from '../../wire/contract.ts'
import { PERMISSIONS } from '../access/permissions.ts'
import { VERDICTS } from '../model/case.ts'
import { NewPassword, Reason, Role, UserName } from '../model/user.ts'

export const NewVerdict = z.strictObject({
  verdict: z.enum(VERDICTS),
  /** Read by the next person who works on the case. */
  reason: Reason,
})
export type NewVerdict = z.infer<typeof NewVerdict>

/** A category as people read about it: what it is, who makes it, and whether it is off by default for legal reasons. */
export const CategoryView = z.object({
  category: z.string(),
  origin: z.enum(['agent', 'server', 'feed']),
  sensitive: z.boolean(),
  /** The operating systems whose agent collects it today; empty when none does, or when it is not made by agents. */
  on: z.array(z.string()),
  about: z.string(),
})
export type CategoryView = z.infer<typeof CategoryView>

export const SessionView = z.object({
  name: z.string(),
  role: Role,
  /** False: signed in by a one-time link, and the user has not set a password yet. */
  passwordSet: z.boolean(),
  /** What the role allows. */
  may: z.array(z.enum(PERMISSIONS)),
  /** True: opened by a one-time link, which may set a password without the old one. */
  byLink: z.boolean(),
  /** True: this server shows a simulated company, and no real people. */
  simulated: z.boolean(),
})
export type SessionView = z.infer<typeof SessionView>
export type Permission = SessionView['may'][number]

export const Login = z.strictObject({ name: z.string().min(1).max(64), password: z.string().min(1).max(256) })
export const LinkExchange = z.strictObject({ secret: z.string().min(1).max(256) })
export const PasswordChange = z.strictObject({
  /** Null only in a session that a one-time link opened. */
  current: z.string().min(1).max(256).nullable(),
  password: NewPassword,
  /** Another name than the one the link was made for: only while no password was ever set. */
  name: UserName.nullable(),
})

export const Revoking = z.strictObject({ reason: Reason })

export const EnrollmentRequest = z.strictObject({ worker: workerName.nullable() })
export const EnrollmentToken = z.object({ token: z.string(), expiresAt: z.int() })
export type EnrollmentToken = z.infer<typeof EnrollmentToken>

export const ApprovalView = Approval.extend({ isOver: z.boolean() })
export type ApprovalView = z.infer<typeof ApprovalView>
/** Without what the server adds; `from` defaults to the beginning of the log. */
export const NewApproval = Approval.omit({ id: true, approvedBy: true, revokedAt: true, revokedBy: true })
  .partial({ from: true })
  .extend({ reason: z.string().trim().min(3, 'must say why, in at least 3 characters').max(1_024) })
  .strict()
/** What would such an approval change? Nobody has to say why. */
export const ApprovalQuestion = NewApproval.omit({ reason: true, ticket: true }).strict()
export const ApprovalEnd = z.strictObject({ mistake: z.boolean().default(false) })
export const LearningEnd = z.strictObject({
  until: epochMs.optional(),
  reason: z.string().trim().min(3, 'must say why, in at least 3 characters').max(1_024),
})

/** Without the worker, who is in the path; `from` defaults to now. */
export const NewContract = Contract.omit({ worker: true }).partial({ from: true })

/** About 3,000 workers. Import a larger roster with the command, which reads it in a process of its own. */
export const ROSTER_CHARACTERS = 524_288
export const RosterRequest = z.strictObject({
  format: z.enum(['csv', 'json']),
  text: z.string().max(ROSTER_CHARACTERS),
  /** Used in the texts of problems. */
  fileName: z.string().min(1).max(256).default('roster'),
  dryRun: z.boolean().default(false),
})
const Taken = z.object({ contracts: z.int(), devices: z.int() })
export const RosterAnswer = z.object({
  /** Rows that can be used, and how many of them add something new. */
  usable: Taken,
  stored: Taken,
  /** Rows that cannot be used; `problems` has the first 1,000. */
  omitted: z.int(),
  problems: z.array(
    z.object({
      file: z.string(),
      /** For an array of objects, the position in it, counted from 1. */
      line: z.int(),
      column: z.string().nullable(),
      why: z.string(),
    }),
  ),
})

export const UserView = z.object({
  /** Never used again, even when the name is. */
  id: z.int(),
  name: z.string(),
  role: Role,
  /** False: the user has not set a password yet, and can sign in only by a one-time link. */
  passwordSet: z.boolean(),
  createdAt: z.int(),
  /** Null: the user may sign in. */
  disabledAt: z.int().nullable(),
})
export type UserView = z.infer<typeof UserView>

export const AddUser = z.strictObject({ name: UserName, role: Role })
/** Omitted: unchanged. */
export const ChangeUser = z.strictObject({ role: Role, disabled: z.boolean() }).partial()
/** The path of the link, with a secret in its fragment: put the server's address in front of it. */
export const UserLink = z.object({ link: z.string() })
export type UserLink = z.infer<typeof UserLink>
export const AddedUser = UserLink.extend({ user: UserView })
export type AddedUser = z.infer<typeof AddedUser>

export const AuditView = z.object({
  at: z.int(),
  user: z.string().nullable(),
  action: z.string(),
  about: z.string().nullable(),
  detail: z.string().nullable(),
})
export type AuditView = z.infer<typeof AuditView>

export const ApiError = z.object({
  code: z.string(),
  message: z.string(),
  where: z.string().nullable(),
  todo: z.string().nullable(),
})
export type ApiError = z.infer<typeof ApiError>
