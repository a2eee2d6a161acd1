// A template's text as plain values: YAML or JSON, with CloudFormation's short tags in their long form, so that nobody else
// needs to know that there are two (`!Sub x` is `{ 'Fn::Sub': 'x' }`).
// Source: AWS CloudFormation user guide, "Intrinsic function reference".
import { ThroughlineError } from '@throughline/event';
import { isAlias, isMap, isScalar, isSeq, parseDocument, type Document, type Node } from 'yaml';

/** @throws ThroughlineError CONFIG_INVALID with the line where it is no YAML, and where it is no template */
export function readTemplate(text: string, file: string): Record<string, unknown> {
  // A tag that is not YAML's own is no mistake. AWS's tools take a name twice (the last counts) and odd indents: so do we.
  const document = parseDocument(text, { logLevel: 'silent', strict: false, uniqueKeys: false });
  const [problem] = document.errors;
  if (problem !== undefined) throw new ThroughlineError('CONFIG_INVALID', `${file}: ${problem.message}`);
  const template = plain(document.contents, document, 0);
  if (!isRecord(template) || !isRecord(template['Resources'])) {
    throw new ThroughlineError('CONFIG_INVALID', `${file}: it has no Resources, so it is no SAM template`);
  }
  return template;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A value as the text that CloudFormation would make of it; JSON for what is no scalar. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === undefined || value === null) return '';
  return typeof value === 'object' ? JSON.stringify(value) : `${value as number | boolean}`;
}

/** Deeper than any template, so that one whose aliases go round in a circle ends. */
const depthMax = 200;

function plain(node: unknown, document: Document, depth: number): unknown {
  if (depth > depthMax)
    throw new ThroughlineError('CONFIG_INVALID', `the template is more than ${depthMax} levels deep`);
  const next = (value: unknown): unknown => plain(value, document, depth + 1);
  if (isAlias(node)) return next(node.resolve(document));
  const value = isMap(node) ? mapOf(node.items, next) : isSeq(node) ? node.items.map(next) : scalarOf(node);
  const tag = (node as Node | null)?.tag;
  return tag === undefined || !/^![A-Za-z]/.test(tag) ? value : longForm(tag.slice(1), value);
}

function scalarOf(node: unknown): unknown {
  return isScalar(node) ? node.value : null;
}

function mapOf(
  items: readonly { readonly key: unknown; readonly value: unknown }[],
  next: (value: unknown) => unknown,
): Record<string, unknown> {
  const entries = items.flatMap(({ key, value }): [string, unknown][] => {
    const name = textOf(next(key));
    const read = next(value);
    // YAML's merge: what another map has, behind what stands here.
    if (name !== '<<') return [[name, read]];
    return [read].flat().flatMap((one) => (isRecord(one) ? Object.entries(one) : []));
  });
  const merged = items.some(({ key }) => isScalar(key) && key.value === '<<');
  const own = merged ? items.filter(({ key }) => !(isScalar(key) && key.value === '<<')) : [];
  return Object.fromEntries([...entries, ...own.map(({ key, value }) => [textOf(next(key)), next(value)] as const)]);
}

function longForm(name: string, value: unknown): Record<string, unknown> {
  if (name === 'Ref' || name === 'Condition') return { [name]: value };
  if (name === 'GetAtt' && typeof value === 'string') {
    const at = value.indexOf('.');
    return { 'Fn::GetAtt': at < 0 ? [value] : [value.slice(0, at), value.slice(at + 1)] };
  }
  return { [`Fn::${name}`]: value };
}
