/**
 * POST /feed/v1/events: HR, the identity provider and the code host send events. Outside /api/v1, because the callers
 * are programs with a token and without session, cookie or Origin.
 *
 * Errors  401 without a valid token, 429 with Retry-After above the rate limit. An event that cannot be used is
 *         reported with its index; the others are stored, durable before the response.
 */
import { type OpenAPIHono, z } from '@hono/zod-openapi'
import { Fault, type FaultDetails } from '../../../wire/fault.ts'
import { attempts } from '../../access/rate.ts'
import { DescribedEvent, FEED_EVENTS_MAX, RefusedEvent, sentValues, validateEvents } from '../../feeds/batch.ts'
import { FEED_PATH, type FeedToken, feedOf } from '../../feeds/tokens.ts'
import { UnknownWord } from '../../feeds/unknown-words.ts'
import { bucketPerKey } from '../../ingest/bucket.ts'
import { type Ctx, clientAddress, type Deps, type Env } from '../deps.ts'
import { bodiesUpTo } from '../guard.ts'
import { answers } from '../openapi.ts'

const BODY_BYTES = 1_048_576
/** Per token. A code host of 1,000 developers makes about ten events a second. */
const EVENTS_PER_SECOND = 100
const EVENTS_BURST = 10_000
/** Per address. */
const WRONG_TOKENS = { max: 30, windowMs: 15 * 60_000 }
const UNKNOWN_NAMED = 100

const FeedAnswer = z.object({
  stored: z.int(),
  /** Stored before this request. */
  duplicates: z.int(),
  refused: z.array(RefusedEvent),
  /** Stored, but without a contract: the first 100. */
  unknownWorkers: z.array(z.string()),
  /** Stored, but the result or action is a word that no table knows: the 100 most frequent. */
  unknownWords: z.array(UnknownWord),
})

export function feedRoutes(app: OpenAPIHono<Env>, deps: Deps): void {
  const { feeds, contracts, store, now } = deps
  const wrong = attempts({ ...WRONG_TOKENS, now })
  const budgets = bucketPerKey(now, EVENTS_PER_SECOND, EVENTS_BURST)

  // Described here and checked by `validateEvents`: a schema on the route would refuse all events because of one.
  const events = z.array(DescribedEvent).max(FEED_EVENTS_MAX)
  const bearer = app.openAPIRegistry.registerComponent('securitySchemes', 'feedToken', {
    type: 'http',
    scheme: 'bearer',
  })
  app.openAPIRegistry.registerPath({
    method: 'post',
    path: FEED_PATH,
    summary: 'Events of HR, the identity provider or the code host; the same event twice counts once',
    security: [{ [bearer.name]: [] }],
    request: {
      body: {
        required: true,
        content: { 'application/json': { schema: events }, 'application/x-ndjson': { schema: DescribedEvent } },
      },
    },
    responses: answers(FeedAnswer),
  })

  app.post(FEED_PATH, bodiesUpTo(BODY_BYTES), async (c) => {
    const feed = await whoAsks(c)
    const values = sentValues(await c.req.text())
    const budget = budgets(feed.name)
    if (!budget.take(values.length)) {
      const seconds = Math.ceil((values.length - budget.left()) / EVENTS_PER_SECOND)
      throw tooMuch(seconds, { todo: `Send at most ${EVENTS_PER_SECOND} events a second; try again in ${seconds} s.` })
    }
    const batch = await validateEvents(values, { feed, lookup: feeds.lookup, now: now() })
    const { refused, unknownWords } = batch
    const lines = batch.lines.map((it) => ({
      ...it,
      worker: it.worker === null ? null : contracts.workerOf(it.worker, feed.name, it.time),
    }))
    const duplicates = lines.length > 0 ? await feeds.append(lines) : 0
    const unknown = new Set(lines.flatMap((it) => it.worker ?? []).filter((it) => contracts.versions(it).length === 0))
    const answer: z.infer<typeof FeedAnswer> = {
      stored: lines.length - duplicates,
      duplicates,
      refused,
      unknownWorkers: [...unknown].slice(0, UNKNOWN_NAMED),
      unknownWords: unknownWords.slice(0, UNKNOWN_NAMED),
    }
    return c.json(answer)
  })

  async function whoAsks(c: Ctx): Promise<FeedToken> {
    const address = clientAddress(c, deps.trustedProxies)
    const waitMs = wrong.waitMs(address)
    if (waitMs > 0) throw tooMuch(Math.ceil(waitMs / 1_000), { why: 'Too many wrong tokens came from this address.' })
    const [, secret] = /^Bearer +([\w.-]{1,128})$/i.exec(c.req.header('Authorization') ?? '') ?? []
    const feed = secret ? await feedOf(store, secret) : null
    if (feed) return feed
    wrong.failed(address)
    c.header('WWW-Authenticate', 'Bearer')
    throw new Fault('api.unauthenticated', {
      where: 'header Authorization',
      todo: 'Send a token made by `tellwire feeds token add`: Authorization: Bearer twf1.…',
    })
  }
}

function tooMuch(seconds: number, details: Pick<FaultDetails, 'why' | 'todo'>): Fault {
  return new Fault('rate.exceeded', { ...details, facts: { retryAfterMs: seconds * 1_000 } })
}
