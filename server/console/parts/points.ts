/** The score in decibans, with its sign: at +10, ten times as many infiltrators as others have it. */
export function signed(points: number): string {
  return points < 0 ? `−${-points}` : `+${points}`
}
