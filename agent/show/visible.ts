/**
 * Which of the events sent last somebody may see: root everything, others nothing that names another account.
 *
 * Shape   a laptop has several accounts; what one of them did is none of the others' business, although all of them can
 *         open a page on this machine. Events of root and of the system's own accounts name nobody.
 * Errors  where it is not known who asks, everything that names an account is hidden, unless there is only one.
 */
export interface Asker {
  /** The account; null: not known. */
  name: string | null
  isRoot: boolean
}

export interface People {
  asker: Asker
  /** The accounts of people, with their home folders. */
  people: readonly { name: string; home: string }[]
}

/** `people`: the accounts of people, with their home folders. */
export function visibleTo(
  asker: Asker,
  people: readonly { name: string; home: string }[],
): (event: Record<string, unknown>) => boolean {
  if (asker.isRoot || (asker.name === null && people.length <= 1)) return () => true
  const others = people.filter((it) => it.name !== asker.name)
  const names = new Set(others.map((it) => it.name.toLowerCase()))
  const homes = others.map(({ home }) => home)
  return (event) => Object.values(event).every((value) => !namesAny(value, names, homes))
}

function namesAny(value: unknown, names: ReadonlySet<string>, homes: readonly string[]): boolean {
  if (typeof value === 'string') {
    // 'DOMAIN\\name' on Windows.
    if (names.has(value.slice(value.lastIndexOf('\\') + 1).toLowerCase())) return true
    return homes.some((home) => contains(value, home))
  }
  return typeof value === 'object' && value !== null && Object.values(value).some((it) => namesAny(it, names, homes))
}

/** Whether a path or command line names something in this folder. */
function contains(text: string, folder: string): boolean {
  for (let at = text.indexOf(folder); at >= 0; at = text.indexOf(folder, at + 1)) {
    const next = text[at + folder.length]
    if (next === undefined || !/[\w.-]/.test(next)) return true
  }
  return false
}
