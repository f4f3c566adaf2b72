/** What no agent of this contract collects, in words for people: the laptop and the console show the same. */
export const NEVER_COLLECTED: readonly string[] = [
  'what you type, click, copy or see on the screen',
  'the content of messages, mails, calls or files',
  'the pages you visit; of an address only the computer and the port',
  'passwords and tokens: values that look like secrets are cut from command lines on the laptop',
  'camera, microphone and exact position',
  'the addresses of networks and the serials of disks as they are: they leave the laptop only as a keyed hash',
]

/** What people may not expect of the words above, said plainly. */
export const YET =
  'A command line can name a file that is opened with it. The names of files in folders are not collected, except in ' +
  'folders from which programs start by themselves.'
