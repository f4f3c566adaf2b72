/** What no agent collects. The laptop and the console print the same list. */
export const NEVER_COLLECTED = [
  'what you type, click, copy or see on the screen',
  'the content of messages, mails, calls or files',
  'the pages you visit: of a connection, only the other computer and the port',
  'passwords and tokens: values that look like secrets are removed from command lines on the laptop',
  'camera, microphone and exact location',
  'the plain addresses of networks and serial numbers of disks: they leave the laptop only as a keyed hash',
] as const

/** An exception to the list that a reader might not expect. */
export const CAVEAT =
  'A command line can contain the name of a file that is opened with it. The names of files in folders are not ' +
  'collected, except in folders from which programs start automatically.'
