// Takes TypeScript apart just far enough to look at it: comments and the insides of strings are told from code. It knows
// strings, templates, comments and regular expressions, and nothing else of the language.

export interface ScannedSource {
  /** The source with comments blanked; positions and line breaks stay. */
  readonly code: string;
  /** `code` with the insides of strings, templates and regular expressions blanked as well. */
  readonly bare: string;
  /** The texts of string literals. */
  readonly strings: readonly string[];
}

const beforeRegex =
  /(^|[(,=:[!&|?{};+\-*%~^<>]|\b(return|typeof|case|in|of|do|else|void|delete|throw|yield|await))\s*$/;

export function scanSource(source: string): ScannedSource {
  const code: string[] = [];
  const bare: string[] = [];
  const strings: string[] = [];
  const blank = (text: string): string => text.replaceAll(/[^\n]/g, ' ');
  const take = (text: string, inCode: string, inBare: string): void => {
    code.push(inCode);
    bare.push(inBare);
    at += text.length;
  };
  // Each open template's depth of braces; its `${…}` is code again.
  const templates: number[] = [];
  let depth = 0;
  let line = '';
  let at = 0;
  while (at < source.length) {
    const rest = source.slice(at, at + 2);
    const character = rest[0] ?? '';
    if (rest === '//') {
      const text = /^[^\n]*/.exec(source.slice(at))?.[0] ?? '';
      take(text, blank(text), blank(text));
    } else if (rest === '/*') {
      const end = source.indexOf('*/', at + 2);
      const text = source.slice(at, end < 0 ? source.length : end + 2);
      take(text, blank(text), blank(text));
    } else if (character === "'" || character === '"') {
      const text = quoted(source, at, character);
      strings.push(text.slice(1, -1));
      take(text, text, character + blank(text.slice(1, -1)) + character);
      line = 'x';
    } else if (character === '`' || (character === '}' && templates.at(-1) === depth)) {
      if (character === '}') templates.pop();
      const text = templatePiece(source, at);
      if (text.endsWith('${')) templates.push(depth);
      take(text, text, blank(text));
      line = text.endsWith('${') ? '(' : 'x';
    } else if (character === '/' && beforeRegex.test(line)) {
      const text = regex(source, at);
      take(text, text, blank(text));
      line = 'x';
    } else {
      if (character === '{') depth++;
      if (character === '}') depth--;
      line = character === '\n' ? line : (line + character).slice(-12);
      take(character, character, character);
    }
  }
  return { code: code.join(''), bare: bare.join(''), strings };
}

function quoted(source: string, from: number, quote: string): string {
  let at = from + 1;
  while (at < source.length && source[at] !== quote && source[at] !== '\n') at += source[at] === '\\' ? 2 : 1;
  return source.slice(from, at + 1);
}

/** From a backtick or a closing brace to the template's end or its next `${`, with it. */
function templatePiece(source: string, from: number): string {
  let at = from + 1;
  while (at < source.length) {
    if (source[at] === '\\') at += 2;
    else if (source[at] === '`') return source.slice(from, at + 1);
    else if (source.startsWith('${', at)) return source.slice(from, at + 2);
    else at++;
  }
  return source.slice(from);
}

function regex(source: string, from: number): string {
  let at = from + 1;
  let inClass = false;
  while (at < source.length && source[at] !== '\n' && (inClass || source[at] !== '/')) {
    if (source[at] === '\\') at++;
    else if (source[at] === '[') inClass = true;
    else if (source[at] === ']') inClass = false;
    at++;
  }
  return source.slice(from, at + 1);
}

/** The modules that `code` imports, by static, re-exporting, side-effect and dynamic imports. */
export function importsOf(code: string): string[] {
  const found = new Set<string>();
  const patterns = [
    /\b(?:import|export)\b[^'";]*?\bfrom\s*['"]([^'"]+)['"]/g,
    /\bimport\s*['"]([^'"]+)['"]/g,
    /\bimport\(\s*['"]([^'"]+)['"]/g,
  ];
  for (const pattern of patterns) for (const match of code.matchAll(pattern)) found.add(match[1] ?? '');
  return [...found];
}
