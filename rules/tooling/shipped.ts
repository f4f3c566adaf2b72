/** The folder of the rules that come with Tellwire. In a file of its own, because most of its users need no more. */
import { fileURLToPath } from 'node:url'

export const SHIPPED_RULES = fileURLToPath(new URL('../content', import.meta.url))
