/**
 * Translates regular expressions as Sigma's users write them (PCRE2's syntax and meaning) into RE2's.
 *
 * Shape   PCRE2 without UCP: `\d \w \s \b` and POSIX classes are ASCII, a line break is \n. Captures become plain
 *         groups, because only whether the text matches counts.
 *
 *         | construct                      | PCRE2                                  | here                          |
 *         | \s \S                          | also U+000B, unlike RE2                | [\t-\r ]                      |
 *         | $ \Z (not multiline)           | the end, or before a last \n           | \n?\z, where what follows     |
 *         |                                |                                        | cannot tell; else refused     |
 *         | ^ \A \G \z, (?m)^ $            | start, end, line starts and ends       | \A \z (?m:^) (?m:$); see (1)  |
 *         | {n} {n,} {n,m} {,m}            | up to 65,535                           | copies of at most 1,000       |
 *         | X*+ X++ X?+ X{n}+ (?>X)        | gives nothing back                     | X* …, where giving back       |
 *         |                                |                                        | changes nothing; else refused |
 *         | \h \H \v \V \N \R              | blanks, line breaks                    | classes; \R as (?>…)          |
 *         | . (?s).                        | any but \n; any                        | . (?s:.)                      |
 *         | \d \w \b \B [[:alpha:]]        | ASCII                                  | the same                      |
 *         | \p{L} \P{L} \p{^L} \p{L&} Xan… | Unicode classes                        | the same; unions              |
 *         | \Q…\E (?#…) (?x) (?xx)         | literal, comment, layout               | done here                     |
 *         | (?i) (?ims-x:…) (?^) (?n) (?U) | flags from here to the group's end     | (?i:…) around what they cover |
 *         | (?<n>…) (?P<n>…) (?'n'…) (?|…) | captures                               | (?:…)                         |
 *         | \a \e \f \n \r \t \cX \0oo     | one character                          | \x{…}                         |
 *         | \o{…} \xhh \x{…} \N{U+…} \uhhhh | one character (\u: as JavaScript has) | \x{…}                         |
 *         | \K                             | moves the match's start                | nothing                       |
 *         | (?=…) (?<!…) \1 (?R) (?(1)…) … | look-around, references, conditions    | refused, with what to write   |
 *
 *         (1) PCRE2's multiline ^ is false after a last \n; here it is true there, as in Python and JavaScript.
 * Errors  a plain Error whose sentence says what is not understood, and what to write instead.
 * Source  PCRE2's pcre2pattern(3); RE2's syntax page. `test/rules/language/regex-dialect.test.ts` compares with Perl.
 */
import { check } from './pcre/check.ts'
import { parse } from './pcre/parse.ts'
import { type LongRun, longRunOf, written } from './pcre/write.ts'

export interface Translated {
  /** RE2's syntax. */
  re2: string
  /** The same for `regex-demands.ts`: shorter, and with the meaning that counts there. */
  read: string
  /** Null: the whole is not one long run. */
  run: LongRun | null
}

export function translate(source: string, given: ReadonlySet<'i' | 'm' | 's'>): Translated {
  const whole = parse(source, given)
  check(whole, null)
  return { re2: written(whole, 're2'), read: written(whole, 'read'), run: longRunOf(whole) }
}
