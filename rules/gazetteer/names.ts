/** Spellings of place names. */

const LETTERS: Readonly<Record<string, string>> = {
  ...{ ß: 'ss', ø: 'o', ł: 'l', æ: 'ae', œ: 'oe', đ: 'd', ð: 'd', þ: 'th', ı: 'i' },
}

/** Words that say what a region is, and that people leave out. */
const KINDS =
  /\b(state of|province of|region of|state|province|region|prefecture|governorate|oblast|krai|kray|county|department|district|municipality|voivodeship|city of)\b/g

/** 'Île-de-France' is 'ile de france': one spelling for letter cases, diacritics and punctuation. */
export function folded(name: string): string {
  return name
    .normalize('NFD')
    .replace(/\p{Diacritic}/gu, '')
    .toLowerCase()
    .replace(/[ßøłæœđðþı]/g, (letter) => LETTERS[letter]!)
    .replace(/['’ʼ`]/g, '')
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .replace(/\bst\b/g, 'saint')
    .replace(/\bste\b/g, 'sainte')
    .trim()
}

/** The same without 'province', 'state of' and the like; the whole where nothing else is left. */
export function plainRegion(name: string): string {
  const whole = folded(name)
  return whole.replace(KINDS, ' ').replace(/ +/g, ' ').trim() || whole
}
