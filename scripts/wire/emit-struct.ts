// The TypeScript of one structure of a schema: its interface, its reader and its writer.
import type { Field, Struct, VersionRange } from './schema.ts';

interface Primitive {
  readonly type: string;
  /** Of MessageReader and MessageWriter. */
  readonly method: string;
  readonly zero: string;
}

const primitives: Readonly<Record<string, Primitive>> = {
  bool: { type: 'boolean', method: 'boolean', zero: 'false' },
  int8: { type: 'number', method: 'int8', zero: '0' },
  int16: { type: 'number', method: 'int16', zero: '0' },
  uint16: { type: 'number', method: 'uint16', zero: '0' },
  int32: { type: 'number', method: 'int32', zero: '0' },
  uint32: { type: 'number', method: 'uint32', zero: '0' },
  int64: { type: 'bigint', method: 'int64', zero: '0n' },
  float64: { type: 'number', method: 'float64', zero: '0' },
  string: { type: 'string', method: 'string', zero: "''" },
  uuid: { type: 'string', method: 'uuid', zero: 'zeroUuid' },
  bytes: { type: 'Uint8Array', method: 'bytes', zero: 'noBytes' },
  records: { type: 'Uint8Array', method: 'records', zero: 'noBytes' },
};

/** Kafka's schemas have a number for it and no type of its own; it is known by the field's name. */
const errorCode: Primitive = { type: 'KafkaErrorName', method: 'errorCode', zero: "'NONE'" };

function primitiveOf({ type, schemaName }: Field): Primitive {
  return type === 'int16' && schemaName.endsWith('ErrorCode') ? errorCode : primitives[type]!;
}

export interface Scope {
  /** The versions of the whole message. */
  readonly window: VersionRange;
  /** The name that a structure has in TypeScript. */
  readonly nameOf: (struct: Struct) => string;
}

export function emitInterface(struct: Struct, scope: Scope): string {
  const lines = struct.fields.map((field) => {
    const isOptional = isOptionalIn(field, scope);
    const versions = versionsNote(field, scope.window);
    const note = versions === '' ? '' : `  /** ${versions} */\n`;
    return `${note}  readonly ${field.name}${isOptional ? '?' : ''}: ${typeOf(field, scope)};`;
  });
  return `export interface ${scope.nameOf(struct)} {\n${lines.join('\n')}\n}\n`;
}

export function emitReader(struct: Struct, scope: Scope): string {
  const name = scope.nameOf(struct);
  const plain = struct.fields.filter(({ tag }) => tag === undefined);
  const tagged = struct.fields.filter(({ tag }) => tag !== undefined);
  const lines: string[] = [];
  if (plain.some((field) => conditionOf(field, scope.window) !== '')) lines.push('const { version } = from;');
  for (const field of plain) {
    const condition = conditionOf(field, scope.window);
    const read = readExpression(field, scope, 'from');
    lines.push(
      `const ${field.name} = ${condition === '' ? read : `${condition} ? ${read} : ${defaultOf(field, scope)}`};`,
    );
  }
  for (const field of tagged) {
    lines.push(`let ${field.name}: Read<${typeOf(field, scope)}> = ${defaultOf(field, scope)};`);
  }
  const cases = tagged.map(
    (field) => `if (tag === ${field.tag}) ${field.name} = ${readExpression(field, scope, 'field')};`,
  );
  lines.push(tagged.length === 0 ? 'from.tags();' : `from.tags((tag, field) => {\n${cases.join('\n')}\n});`);
  lines.push(`return { ${struct.fields.map((field) => field.name).join(', ')} };`);
  return `function read${name}(from: MessageReader): Read<${name}> {\n${lines.join('\n')}\n}\n`;
}

export function emitWriter(struct: Struct, scope: Scope): string {
  const name = scope.nameOf(struct);
  const fields = [
    ...struct.fields.filter(({ tag }) => tag === undefined),
    ...struct.fields.filter(({ tag }) => tag !== undefined).toSorted((a, b) => a.tag! - b.tag!),
  ];
  const lines: string[] = [];
  if (fields.some((field) => field.tag === undefined && conditionOf(field, scope.window) !== '')) {
    lines.push('const { version } = to;');
  }
  for (const field of fields) {
    if (field.tag === undefined) {
      const condition = conditionOf(field, scope.window);
      const value = valueOf(field, scope);
      lines.push(`${condition === '' ? '' : `if (${condition}) `}${writeExpression(field, scope, 'to', value)};`);
    } else {
      const { name: local } = field;
      lines.push(`const { ${local} = ${defaultOf(field, scope)} } = value;`);
      const isSet = isDifferent(field, local, scope);
      const since = field.versions.min > scope.window.min ? `to.version >= ${field.versions.min} && ` : '';
      lines.push(
        `if (${since}${isSet}) to.tag(${field.tag}, (field) => ${writeExpression(field, scope, 'field', local)});`,
      );
    }
  }
  lines.push('to.tags();');
  return `function write${name}(to: MessageWriter, value: ${name}): void {\n${lines.join('\n')}\n}\n`;
}

/** What is written of a field: the default where it was left out. Null is a value of its own where a field can have it. */
function valueOf(field: Field, scope: Scope): string {
  const given = `value.${field.name}`;
  if (!isOptionalIn(field, scope)) return given;
  const otherwise = defaultOf(field, scope);
  return isNullable(field) && otherwise !== 'null'
    ? `${given} === undefined ? ${otherwise} : ${given}`
    : `${given} ?? ${otherwise}`;
}

/** The constants that stand for a structure that is not there. */
export function emitDefault(struct: Struct, scope: Scope): string {
  const fields = struct.fields.map((field) => `${field.name}: ${defaultOf(field, scope)}`);
  return `const no${scope.nameOf(struct)}: Read<${scope.nameOf(struct)}> = { ${fields.join(', ')} };\n`;
}

/** Structures whose default a field of the structure needs. */
export function needsDefault(field: Field, scope: Scope): boolean {
  if (field.struct === undefined || field.isArray || field.default === 'null') return false;
  return field.tag !== undefined || conditionOf(field, scope.window) !== '';
}

/** `version` within the field's versions, as far as the window does not say it already. */
function conditionOf({ versions }: Field, window: VersionRange): string {
  const { min, max } = versions;
  if (min === max && window.min < window.max) return `version === ${min}`;
  const conditions: string[] = [];
  if (min > window.min) conditions.push(`version >= ${min}`);
  if (max < window.max) conditions.push(`version <= ${max}`);
  return conditions.join(' && ');
}

export function versionsNote({ versions, tag }: Field, window: VersionRange): string {
  const { min, max } = versions;
  const isWhole = min <= window.min && max >= window.max;
  const range = isWhole ? '' : max >= window.max ? `${min}+` : min <= window.min ? `≤ ${max}` : `${min}–${max}`;
  return [range, tag === undefined ? '' : `tag ${tag}`].filter(Boolean).join(', ');
}

export function typeOf(field: Field, scope: Scope): string {
  const item = field.struct === undefined ? primitiveOf(field).type : scope.nameOf(field.struct);
  const type = field.isArray ? `readonly ${item}[]` : item;
  const isNullable = field.nullableVersions !== undefined || field.type === 'records';
  return isNullable ? `${type} | null` : type;
}

function isOptionalIn(field: Field, scope: Scope): boolean {
  if (field.tag !== undefined || field.default !== undefined || field.name === 'throttleTimeMs') return true;
  return conditionOf(field, scope.window) !== '';
}

function defaultOf(field: Field, scope: Scope): string {
  if (field.default === 'null') return 'null';
  if (field.isArray) return '[]';
  if (field.struct !== undefined) return `no${scope.nameOf(field.struct)}`;
  const { type, zero } = primitiveOf(field);
  if (field.default === undefined || field.default === '') return zero;
  if (type === errorCode.type && field.default === '0') return zero;
  if (type === 'bigint') return `${BigInt(field.default)}n`;
  if (type === 'number') return String(Number(field.default));
  return type === 'string' ? JSON.stringify(field.default) : field.default;
}

function isDifferent(field: Field, local: string, scope: Scope): string {
  const isNullable = field.nullableVersions !== undefined;
  if (field.isArray && field.default !== 'null') {
    return isNullable ? `${local} === null || ${local}.length > 0` : `${local}.length > 0`;
  }
  if (field.type === 'bool') return field.default === 'true' ? `!${local}` : local;
  return `${local} !== ${defaultOf(field, scope)}`;
}

function isNullable(field: Field): boolean {
  return field.nullableVersions !== undefined || field.type === 'records';
}

function readExpression(field: Field, scope: Scope, from: string): string {
  if (field.struct !== undefined && !field.isArray) {
    const read = `read${scope.nameOf(field.struct)}`;
    return isNullable(field) ? `${from}.nullableStruct(${read})` : `${read}(${from})`;
  }
  if (field.isArray) {
    const item =
      field.struct === undefined
        ? `(item) => item.${primitiveOf(field).method}()`
        : `read${scope.nameOf(field.struct)}`;
    return `${from}.${isNullable(field) ? 'nullableList' : 'list'}(${item})`;
  }
  if (field.type === 'string' && isNullable(field)) return `${from}.nullableString()`;
  if (field.type === 'records' || (field.type === 'bytes' && isNullable(field))) return `${from}.nullableBytes()`;
  return `${from}.${primitiveOf(field).method}()`;
}

function writeExpression(field: Field, scope: Scope, to: string, value: string): string {
  if (field.struct !== undefined && !field.isArray) {
    const write = `write${scope.nameOf(field.struct)}`;
    return isNullable(field) ? `${to}.nullableStruct(${value}, ${write})` : `${write}(${to}, ${value})`;
  }
  if (field.isArray) {
    const item =
      field.struct === undefined
        ? `(item, one) => item.${primitiveOf(field).method}(one)`
        : `write${scope.nameOf(field.struct)}`;
    return `${to}.list(${value}, ${item})`;
  }
  return `${to}.${primitiveOf(field).method}(${value})`;
}
