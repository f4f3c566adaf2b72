/**
 * Rule files for editors: a JSON Schema that completes and explains keys in an editor.
 *
 * Shape   one document: a rule, a correlation or a filter, with our `tellwire:` key. What the engine refuses beyond
 *         this (a missing selection, an invalid expression) is reported by `tellwire rules check`.
 * Source  Sigma specification 2.1, its schemas for rules, correlations and filters.
 */
import * as z from 'zod'
import { TYPES } from '../language/correlation/rule.ts'
import { FAMILIES, SENSORS } from '../language/index.ts'
import { MODIFIERS } from '../language/modifiers.ts'

const text = z.string().min(1)
const texts = z.union([text, z.array(text)])
const date = z.string().regex(/^\d{4}[-/]\d\d[-/]\d\d$/)
const level = z.enum(['informational', 'low', 'medium', 'high', 'critical'])

const value = z.union([z.string(), z.number(), z.boolean(), z.null()])
const item = z
  .string()
  .regex(new RegExp(`^[^|]*(\\|(${[...MODIFIERS.keys()].join('|')}))*$`))
  .describe('A field of the event, and how it is compared: CommandLine|contains|all')
const fields = z.record(item, z.union([value, z.array(value)])).describe('All of these fields match.')
const selection = z
  .union([fields, value, z.array(z.union([fields, value]))])
  .describe('A map: all of it. A list: any of it. A keyword (no field): anywhere in the event.')
const condition = z
  .union([text, z.array(text)])
  .describe('Selections joined by and, or, not, parentheses, `1 of name*`, `all of them`. A list: any of them.')

const logsource = z
  .looseObject({
    category: text.describe('The kind of event: process_creation, tool, usb_device …').optional(),
    product: text.describe('windows, linux, macos').optional(),
    service: text.optional(),
    definition: z.string().optional(),
  })
  .describe('Which events the rule is about. At least one of category, product and service.')

const about = {
  title: text.max(256).describe('What happened, in a few words.'),
  id: text.describe('A UUID, unique to this rule.').optional(),
  name: text.describe('A name by which correlations and filters may refer to it.').optional(),
  description: z.string().optional(),
  author: texts.optional(),
  license: text.describe('SPDX: Apache-2.0, DRL-1.1').optional(),
  references: texts.optional(),
  date: date.optional(),
  modified: date.optional(),
  status: z.enum(['stable', 'test', 'experimental', 'deprecated', 'unsupported']).optional(),
  level: level.optional(),
  tags: z.array(text).describe('attack.t1219.002').optional(),
  falsepositives: texts.optional(),
  'sigma-version': z.union([z.string(), z.number()]).describe('2.0 or 2.1').optional(),
}

const test = z.strictObject({
  name: text,
  events: z
    .array(
      z.looseObject({
        at: z
          .string()
          .regex(/^\d{1,6}(\.\d{1,3})?(ms|s|m|h|d)$/)
          .describe("When it happened, from the test's start: 90s, 5h, 30d"),
      }),
    )
    .min(1),
  fires: z.int().min(0).describe('How many findings the events make.'),
})

export const tellwireOfRule = z
  .strictObject({
    family: z.enum(FAMILIES).describe('What it is about.'),
    strength: z
      .literal([1, 2, 3, 4])
      .describe('How many infiltrators show it. 1: one in twenty. 2: one in five. 3: one in two. 4: four in five.'),
    halfLifeDays: z
      .number()
      .gt(0)
      .max(3_650)
      .nullable()
      .describe('After so many days it counts half; null: it never decays.'),
    pattern: z
      .enum(['high', 'critical'])
      .describe('The band that this rule alone puts a worker in, at least.')
      .optional(),
    sensor: z
      .enum(SENSORS)
      .describe('What saw it, where that does not follow from the event. Findings of one sensor overlap.')
      .optional(),
    rate: z
      .number()
      .gt(0)
      .lt(1)
      .describe('How often an honest colleague shows it, before anything was seen here: 0.01 is one in a hundred.')
      .optional(),
    rareBy: texts
      .describe('Fields that say what was seen (ToolId): how common it is here is counted for each of their values.')
      .optional(),
    decibans: text.describe("The event's field that holds the weight itself.").optional(),
    fact: text
      .describe('What it tells, where other rules tell the same: of all rules with this fact the strongest counts.')
      .optional(),
    signals: z
      .array(z.string().regex(/^(#\d{1,3}|[PN]\d{1,2})$/))
      .describe("Of the threat model: '#13', 'P7'. Quote them.")
      .optional(),
    step: z.boolean().describe('true: it only counts in correlations and makes no findings itself.').optional(),
    ordinaryFor: z
      .array(z.string())
      .describe('Roles of the contract whose ordinary work looks like this: it weighs half.')
      .optional(),
    sensitive: z
      .boolean()
      .describe("true: not in use until the server's configuration names its id in `sensitiveRules`.")
      .optional(),
    groupBy: texts.describe('One finding a day for each value of these fields.').optional(),
    says: z
      .string()
      .describe(
        'The reason, shown to the analyst. {Tool} is replaced by its value; numbers: {Bytes|bytes}, {Days|day}.',
      )
      .optional(),
    blindTo: z.string().describe('What this rule does not see.').optional(),
    response: z.string().describe('What to do about a finding.').optional(),
    tests: z.array(test).optional(),
  })
  .describe('What Tellwire adds to Sigma.')

const rule = z
  .looseObject({
    ...about,
    logsource,
    detection: z.object({ condition }).catchall(selection).describe('Named selections, and how they are joined.'),
    tellwire: tellwireOfRule.optional(),
  })
  .describe('A Sigma rule')

const lateness = z
  .string()
  .regex(/^\d+[smhdwMy]$/)
  .describe('How late its events may come: 72h')
const bound = z.number()
const correlation = z
  .looseObject({
    ...about,
    correlation: z.looseObject({
      type: z.enum(TYPES),
      rules: texts.describe('Ids or names of rules, or of other correlations.'),
      'group-by': texts.describe('Fields whose values make a group each.').optional(),
      timespan: z
        .string()
        .regex(/^\d+[smhdwMy]$/)
        .describe('30s, 5m, 1h, 7d'),
      condition: z
        .union([
          z.strictObject({
            ...{ gt: bound.optional(), gte: bound.optional(), lt: bound.optional(), lte: bound.optional() },
            ...{ eq: bound.optional(), neq: bound.optional() },
            field: texts.optional(),
            percentile: z.number().min(0).max(100).optional(),
          }),
          text,
        ])
        .optional(),
      aliases: z.record(text, z.record(text, text)).describe('alias → rule → its field').optional(),
      generate: z.boolean().describe('true: matches of the rules are findings too.').optional(),
    }),
    tellwire: z
      .union([z.strictObject({ lateness }), z.strictObject({ ...tellwireOfRule.shape, lateness: lateness.optional() })])
      .optional(),
  })
  .describe('A Sigma correlation')

const filter = z
  .looseObject({
    ...about,
    logsource: logsource.optional(),
    filter: z
      .object({ rules: z.union([z.literal('any'), texts]).describe('Ids or names, or any.'), condition })
      .catchall(selection)
      .describe('What may remain: `condition: not selection` excludes what the selection describes.'),
    tellwire: z
      .strictObject({
        reason: text.optional(),
        owner: text.optional(),
        expires: z
          .string()
          .regex(/^\d{4}-\d\d-\d\d$/)
          .describe('It hides nothing that happens from this day on.')
          .optional(),
        ticket: text.optional(),
      })
      .optional(),
  })
  .describe('A Sigma filter')

export const RuleDocument = z.union([rule, correlation, filter])

/** JSON Schema, draft 2020-12. */
export function ruleSchema(): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(RuleDocument, { target: 'draft-2020-12', io: 'input' })
  return { $schema, title: 'Tellwire rule file', ...schema }
}
