// The value of JSON text that is still growing, for tool inputs that arrive in pieces. One linear scan finds the last
// place at which the text can be cut and closed to valid JSON (RFC 8259), and JSON.parse does the rest:
//
//   {"city":"Ber   →  {"city":"Ber"}        a string that is open is closed
//   {"n":12.       →  {"n":12}              a number is cut to its longest valid beginning
//   {"ok":tr       →  {"ok":true}           a literal is completed
//   {"a":1,"b"     →  {"a":1}               a name without a value is dropped
//
// Call it when somebody looks, never once per piece: parsing at every delta is quadratic in the input's length.

const number = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/;
const tokenEnd = /[\s,:\]}"[{]/g;
const literals = ['true', 'false', 'null'];

/**
 * The value that the beginning of a JSON text stands for, or undefined while there is none.
 *
 * @example parsePartialJson('{"city":"Ber') // { city: 'Ber' }
 */
export function parsePartialJson(text: string): unknown {
  return tryParse(text) ?? tryParse(closeJson(text));
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // No JSON, or none yet: which of them is the question that this function answers, so nothing is dropped here.
    return undefined;
  }
}

function closeJson(text: string): string {
  // What would close the arrays and objects that are open, innermost first.
  let closers = '';
  let isName = false;
  let kept = { end: 0, tail: '', closers: '' };
  let index = 0;
  const keepUpTo = (end: number, tail = ''): void => {
    kept = { end, tail, closers };
    index = end;
  };
  scan: while (index < text.length) {
    const character = text.charAt(index);
    switch (character) {
      case '{':
      case '[':
        closers = (character === '{' ? '}' : ']') + closers;
        isName = character === '{';
        keepUpTo(index + 1);
        break;
      case '}':
      case ']':
        closers = closers.slice(1);
        keepUpTo(index + 1);
        break;
      case ',':
        isName = closers.startsWith('}');
        index++;
        break;
      case ':':
        isName = false;
        index++;
        break;
      case ' ':
      case '\t':
      case '\n':
      case '\r':
        index++;
        break;
      case '"': {
        const { end, isClosed } = scanString(text, index + 1);
        if (isName) {
          if (!isClosed) break scan;
          index = end;
        } else keepUpTo(end, isClosed ? '' : '"');
        if (!isClosed) break scan;
        break;
      }
      default: {
        tokenEnd.lastIndex = index;
        const end = tokenEnd.exec(text)?.index ?? text.length;
        const token = text.slice(index, end);
        const literal = literals.find((word) => word.startsWith(token));
        const valid = literal === undefined ? (number.exec(token)?.[0].length ?? 0) : token.length;
        if (valid > 0) keepUpTo(index + valid, literal?.slice(token.length));
        index = end;
      }
    }
  }
  return text.slice(0, kept.end) + kept.tail + kept.closers;
}

function scanString(text: string, start: number): { end: number; isClosed: boolean } {
  for (let index = start; index < text.length; index++) {
    const character = text.charAt(index);
    if (character === '"') return { end: index + 1, isClosed: true };
    if (character !== '\\') continue;
    const length = text.charAt(index + 1) === 'u' ? 6 : 2;
    // An escape that is cut short is left out.
    if (index + length > text.length) return { end: index, isClosed: false };
    index += length - 1;
  }
  return { end: text.length, isClosed: false };
}
