// CloudFormation's functions, computed as far as a template alone can say: parameters, conditions, mappings, and the local
// names of resources. What it cannot say (another stack's exports, secrets, attributes of what is not here) is noted.
// Source: AWS CloudFormation user guide, "Intrinsic function reference", "Pseudo parameters reference".
import type { Notes } from './notes.ts';
import { isRecord, textOf } from './template-text.ts';

/** What the names of resources mean here. */
export interface ResourceNames {
  /** What `Ref` gives; undefined for what is no resource of the template. */
  ref(logicalId: string): string | undefined;
  /** What `GetAtt` gives; undefined for what is nothing here. */
  attribute(logicalId: string, attribute: string): string | undefined;
}

export interface Surroundings {
  readonly template: Record<string, unknown>;
  /** Values for parameters, over their defaults. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly names: ResourceNames;
  readonly notes: Notes;
}

/** Region and account that names of AWS's form have here. */
export const region = 'us-east-1';
export const account = '000000000000';

const pseudo: Readonly<Record<string, string>> = {
  'AWS::AccountId': account,
  'AWS::Region': region,
  'AWS::Partition': 'aws',
  'AWS::StackName': 'throughline',
  'AWS::StackId': `arn:aws:cloudformation:${region}:${account}:stack/throughline/local`,
  'AWS::URLSuffix': 'amazonaws.com',
};

export class Intrinsics {
  readonly #surroundings: Surroundings;
  /** Conditions that are being computed: one that needs itself is false. */
  readonly #computing = new Set<string>();

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** The value with all its functions computed; undefined for AWS::NoValue. Properties that are undefined are left out. */
  resolve(value: unknown, path: string): unknown {
    if (typeof value === 'string') return this.#text(value, path);
    if (Array.isArray(value)) {
      return value.map((item, index) => this.resolve(item, `${path}[${index}]`)).filter((item) => item !== undefined);
    }
    if (!isRecord(value)) return value;
    const entries = Object.entries(value);
    const [name, argument] = entries.length === 1 ? entries[0]! : ['', undefined];
    if (name === 'Ref' || name === 'Condition' || name.startsWith('Fn::')) return this.#compute(name, argument, path);
    const resolved = entries.map(([key, item]) => [key, this.resolve(item, `${path}.${key}`)] as const);
    return Object.fromEntries(resolved.filter(([, item]) => item !== undefined));
  }

  /** Whether something with a `Condition` is there. */
  holds(condition: unknown, path: string): boolean {
    return condition === undefined || this.#condition(condition, path);
  }

  #compute(name: string, argument: unknown, path: string): unknown {
    switch (name) {
      case 'Ref':
        return this.#ref(textOf(argument), path);
      case 'Condition':
        return this.#condition(argument, path);
      case 'Fn::GetAtt': {
        const [id = '', ...rest] = Array.isArray(argument) ? argument.map(textOf) : textOf(argument).split('.');
        return this.#attribute(id, rest.join('.'), path);
      }
      case 'Fn::Sub':
        return this.#sub(argument, path);
      case 'Fn::If': {
        const [condition, yes, no] = listOf(argument);
        return this.resolve(this.#condition(condition, path) ? yes : no, path);
      }
      case 'Fn::Equals':
      case 'Fn::And':
      case 'Fn::Or':
      case 'Fn::Not':
        return this.#condition({ [name]: argument }, path);
      case 'Fn::FindInMap':
        return this.#findInMap(listOf(this.resolve(argument, path)), path);
      default:
        return this.#ofValue(name, this.resolve(argument, path), path);
    }
  }

  /** Functions of values alone. */
  #ofValue(name: string, value: unknown, path: string): unknown {
    const list = listOf(value);
    switch (name) {
      case 'Fn::Join':
        return listOf(list[1]).map(textOf).join(textOf(list[0]));
      case 'Fn::Split':
        return textOf(list[1]).split(textOf(list[0]));
      case 'Fn::Select':
        return listOf(list[1])[Number(list[0])];
      case 'Fn::Length':
        return list.length;
      case 'Fn::Base64':
        return Buffer.from(textOf(value)).toString('base64');
      case 'Fn::ToJsonString':
        return JSON.stringify(value);
      case 'Fn::GetAZs':
        return [`${region}a`, `${region}b`, `${region}c`];
      default:
        this.#surroundings.notes.add(path, `${name} cannot be computed here; the text ${name} stands for it`);
        return name;
    }
  }

  #ref(name: string, path: string): unknown {
    if (name === 'AWS::NoValue') return undefined;
    if (name === 'AWS::NotificationARNs') return [];
    const known = pseudo[name] ?? this.#parameter(name, path) ?? this.#surroundings.names.ref(name);
    if (known !== undefined) return known;
    this.#surroundings.notes.add(path, `Ref ${name} is nothing in this template; the text ${name} stands for it`);
    return name;
  }

  #parameter(name: string, path: string): unknown {
    const { template, parameters, notes } = this.#surroundings;
    const declared = isRecord(template['Parameters']) ? template['Parameters'][name] : undefined;
    if (!isRecord(declared)) return undefined;
    const type = textOf(declared['Type'] ?? 'String');
    const given = parameters[name] ?? declared['Default'];
    if (given === undefined) {
      notes.add(`Parameters.${name}`, `it has no default, so it is the text ${name}; --parameter-overrides ${name}=…`);
      return type === 'CommaDelimitedList' || type.startsWith('List<') ? [name] : name;
    }
    if (type.startsWith('AWS::SSM::Parameter::Value')) {
      notes.add(path, `parameter ${name} is a name in AWS's Parameter Store; the name itself stands for its value`);
    }
    const isList = type === 'CommaDelimitedList' || type.startsWith('List<');
    if (isList)
      return textOf(given)
        .split(',')
        .map((item) => item.trim());
    return textOf(given);
  }

  #attribute(logicalId: string, attribute: string, path: string): string {
    const { names, notes } = this.#surroundings;
    const known = names.attribute(logicalId, attribute);
    if (known !== undefined) return known;
    const text = `${logicalId}.${attribute}`;
    notes.add(path, `GetAtt ${text} is nothing here; the text ${text} stands for it`);
    return text;
  }

  #sub(argument: unknown, path: string): string {
    const [text, given] = Array.isArray(argument) ? argument : [argument, {}];
    const variables = isRecord(given) ? given : {};
    const filled = textOf(text).replaceAll(/\$\{(!?)([^}]*)\}/g, (whole, isLiteral: string, spaced: string) => {
      const name = spaced.trim();
      if (isLiteral !== '') return `\${${spaced}}`;
      if (Object.hasOwn(variables, name)) return textOf(this.resolve(variables[name], path) ?? '');
      const at = name.indexOf('.');
      if (at > 0) return this.#attribute(name.slice(0, at), name.slice(at + 1), path);
      return textOf(this.#ref(name, path) ?? whole);
    });
    return this.#text(filled, path);
  }

  #findInMap([map, top, second]: readonly unknown[], path: string): unknown {
    const mappings = this.#surroundings.template['Mappings'];
    let value: unknown = mappings;
    for (const key of [map, top, second]) value = isRecord(value) ? value[textOf(key)] : undefined;
    if (value !== undefined) return value;
    this.#surroundings.notes.add(path, `FindInMap finds nothing at ${[map, top, second].map(textOf).join('.')}`);
    return '';
  }

  #condition(condition: unknown, path: string): boolean {
    if (typeof condition === 'string') return this.#named(condition, path);
    if (typeof condition === 'boolean') return condition;
    const [[name, argument] = ['', undefined]] = isRecord(condition) ? Object.entries(condition) : [];
    const list = listOf(argument);
    switch (name) {
      case 'Condition':
        return this.#named(textOf(argument), path);
      case 'Fn::Equals':
        return textOf(this.resolve(list[0], path)) === textOf(this.resolve(list[1], path));
      case 'Fn::Not':
        return !this.#condition(list[0], path);
      case 'Fn::And':
        return list.every((one) => this.#condition(one, path));
      case 'Fn::Or':
        return list.some((one) => this.#condition(one, path));
      default:
        this.#surroundings.notes.add(path, `the condition ${name} is not understood and counts as false`);
        return false;
    }
  }

  #named(name: string, path: string): boolean {
    const conditions = this.#surroundings.template['Conditions'];
    const condition = isRecord(conditions) ? conditions[name] : undefined;
    if (condition === undefined || this.#computing.has(name)) {
      this.#surroundings.notes.add(path, `there is no condition ${name}; it counts as false`);
      return false;
    }
    this.#computing.add(name);
    try {
      return this.#condition(condition, `Conditions.${name}`);
    } finally {
      this.#computing.delete(name);
    }
  }

  #text(text: string, path: string): string {
    if (text.includes('{{resolve:')) this.#surroundings.notes.add(path, `${text} is not looked up: the text stays`);
    return text;
  }
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : value === undefined || value === null ? [] : [value];
}
