// Text that other people wrote (records, keys, ids, file names), on its way to a terminal. A terminal obeys some characters
// instead of showing them: ESC begins a command, CR and LF move the cursor, the C1 controls do the same in one byte, and the
// bidirectional controls of Unicode show letters in another order than they stand (CVE-2021-42574). Here each of them becomes
// the escape that JSON has for it, so that a line is one line and shows what it holds.
//
//   Cc  controls (C0, DEL, C1)          Zl, Zp  line and paragraph separator
//   Cf  format characters: bidirectional controls, zero-width and tag characters. The two joiners U+200C and U+200D stay:
//       Persian, the Indic scripts and joined emoji are not readable without them, and they move nothing.
//   Cs  halves of surrogate pairs, which no terminal can be sent

const obeyed = /(?!\u200c|\u200d)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
const hasObeyed = new RegExp(obeyed.source, 'u');
const short: Readonly<Record<string, string>> = { '\t': '\\t', '\n': '\\n', '\r': '\\r', '\b': '\\b', '\f': '\\f' };

/**
 * Text as a terminal may show it: what a terminal would obey is escaped, everything else stays as it is.
 *
 * @example escapeForeign('a\u001b[2Jb\n') // 'a\\u001b[2Jb\\n'
 */
export function escapeForeign(text: string): string {
  return hasObeyed.test(text) ? text.replace(obeyed, (found) => short[found] ?? unicodeEscape(found)) : text;
}

/**
 * JSON with the same characters escaped: it means the same to a program, and does nothing to a terminal. JSON itself escapes
 * only C0. The line feeds of indented JSON stay.
 */
export function escapeJson(json: string): string {
  return hasObeyed.test(json) ? json.replace(obeyed, (found) => (found === '\n' ? found : unicodeEscape(found))) : json;
}

/**
 * A key, a value or a cell in one of three forms that cannot be mistaken for each other: `null` is null, `""` is the empty
 * text, and everything else is the text itself, in quotes as JSON has them wherever the bare text could be read as something
 * else: `null` and `-`, a text that begins with a quote or begins or ends with a blank, two blanks in a row (which stand
 * between columns, so the last column may have them), and a text with anything that has to be escaped.
 */
export function textForm(text: string | null, { isLast = false }: { readonly isLast?: boolean } = {}): string {
  if (text === null) return 'null';
  const looksLikeAnother = text === '' || text === 'null' || text === '-' || /^["\s]|\s$/.test(text);
  if (looksLikeAnother || hasObeyed.test(text) || (!isLast && /\s\s/.test(text))) {
    return escapeJson(JSON.stringify(text));
  }
  return text;
}

function unicodeEscape(character: string): string {
  let escaped = '';
  for (let index = 0; index < character.length; index++) {
    escaped += `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`;
  }
  return escaped;
}
