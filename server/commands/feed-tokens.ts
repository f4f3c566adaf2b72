/** `tellwire feeds token`: who may send events to `POST /feed/v1/events`. */
import { randomBytes } from 'node:crypto'
import { defineCommand } from 'citty'
import { Fault } from '../../wire/fault.ts'
import { addFeedToken, FEED_PATH, feedTokens, removeFeedToken, SENT_CATEGORIES } from '../feeds/tokens.ts'
import { configIn, folderArgs, folderIn, publicUrlOf, withStore } from './data-folder.ts'
import { printable } from './terminal.ts'

const json = { type: 'boolean', description: 'Print JSON' } as const

const add = defineCommand({
  meta: { name: 'add', description: 'Create a token for one sender, and print it once' },
  args: {
    name: { type: 'positional', required: true, description: 'A name for the sender, stored with every event' },
    category: {
      type: 'string',
      required: true,
      description: `What it may send, separated by commas: ${SENT_CATEGORIES.join(', ')}`,
    },
    ...folderArgs,
    json,
  },
  async run({ args }) {
    const categories = categoriesOf(args.category)
    const config = configIn(args)
    const token = await withStore(config.dataFolder, 'make', (store) =>
      addFeedToken(store, { name: args.name, categories }, Date.now(), randomBytes),
    )
    const url = `${publicUrlOf(config)}${FEED_PATH}`
    if (args.json) console.log(JSON.stringify({ name: args.name, categories, token, url }))
    else {
      console.log(token)
      console.log(`It is shown only once. Send events with: POST ${url} and Authorization: Bearer <token>`)
    }
  },
})

const list = defineCommand({
  meta: { name: 'list', description: 'List the senders and what they may send' },
  args: { ...folderArgs, json },
  async run({ args }) {
    const tokens = (await withStore(folderIn(args), 'read', feedTokens)).map(({ hash: _, ...it }) => it)
    if (args.json) console.log(JSON.stringify(tokens))
    else if (tokens.length === 0)
      console.log('No tokens. Create one with `tellwire feeds token add NAME --category idp_login`.')
    else
      for (const { name, categories, createdAt } of tokens)
        console.log(
          printable(`${name.padEnd(24)} ${new Date(createdAt).toISOString().slice(0, 10)}  ${categories.join(', ')}`),
        )
  },
})

const remove = defineCommand({
  meta: { name: 'remove', description: 'Remove a token: its sender is refused from the next request on' },
  args: { name: { type: 'positional', required: true, description: "The token's name" }, ...folderArgs },
  async run({ args }) {
    await withStore(folderIn(args), 'change', (store) => removeFeedToken(store, args.name, Date.now()))
    console.log(printable(`${args.name} is refused from now on. Its earlier events are kept.`))
  },
})

export const feedTokenCommand = defineCommand({
  meta: { name: 'token', description: 'Manage who may send events of HR, the identity provider or the code host' },
  subCommands: { add, list, remove },
})

function categoriesOf(text: string) {
  const names = text.split(',').map((it) => it.trim())
  const known = SENT_CATEGORIES.filter((it) => names.includes(it))
  if (names.every((it) => (known as readonly string[]).includes(it))) return known
  throw new Fault('usage', { where: '--category', todo: `Name some of ${SENT_CATEGORIES.join(', ')}.` })
}
