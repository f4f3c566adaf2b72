import * as z from 'zod'
import { envelope, name, path, text } from '../common.ts'

/**
 * A program started.
 *
 * Shape   field names are Sigma's (Sysmon spelling), so that public rules run unchanged. The agent removes the values
 *         of options that look like secrets, and the paths of URLs, from `CommandLine`; option names stay.
 * Errors  what could not be read is null. `StartedBeforeAgent` true: it was running at the agent's first poll.
 * Source  Linux tracefs, process connector, /proc/<pid>; macOS libproc, eslogger; Windows Toolhelp.
 */
export const ProcessCreation = z.strictObject({
  category: z.literal('process_creation'),
  ...envelope,
  Image: path.nullable(),
  CommandLine: text(8_192).nullable(),
  ParentImage: path.nullable(),
  ParentCommandLine: text(8_192).nullable(),
  User: name.nullable(),
  ProcessId: z.int().min(0),
  ParentProcessId: z.int().min(0).nullable(),
  CurrentDirectory: path.nullable(),
  OriginalFileName: name.nullable(),
  Product: name.nullable(),
  Company: name.nullable(),
  Signer: name.nullable(),
  StartedBeforeAgent: z.boolean(),
})
