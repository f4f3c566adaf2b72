/**
 * Node keeps compiled modules for the processes and threads that tests start: half of a command's start is stripping
 * types and compiling. Mocha loads this first (.mocharc.json).
 */
import { join } from 'node:path'

process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, '../dist/compile-cache')
