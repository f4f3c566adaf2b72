import { createColors } from 'picocolors'

/** Colours on a terminal only, unless NO_COLOR (https://no-color.org) or --no-color switches them off. */
export function hasColours(stream: { isTTY?: boolean } = process.stdout, env = process.env): boolean {
  return stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb'
}

export const colours = () => createColors(hasColours())
