/** Something that may fail, for example on a full disk, without stopping the agent. Null: it failed. */
export function attempt<T>(act: () => T): T | null {
  try {
    return act()
  } catch {
    return null
  }
}
