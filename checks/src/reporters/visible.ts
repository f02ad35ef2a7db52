/**
 * What a finding says comes from files and services that may be hostile. Characters that would not be seen, or that would
 * change how what follows is shown (controls, overrides of the writing direction, halves of surrogate pairs), are written
 * as `\u{202e}`; line feeds and tabs stay. What is left is also all that XML 1.0 allows: https://www.w3.org/TR/xml/#charsets
 */
export function visible(text: string): string {
  return text.replaceAll('\r\n', '\n').replace(unseen, (character) => {
    if (character === '\n' || character === '\t') return character;
    return `\\u{${character.codePointAt(0)?.toString(16)}}`;
  });
}

const unseen = /[\p{Cc}\p{Bidi_Control}\p{Cs}\u{feff}\u{fffe}\u{ffff}]/gu;

/** At most so many characters of a text, and how many there were. */
export function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most).toWellFormed()}… (${text.length} characters)` : text;
}
