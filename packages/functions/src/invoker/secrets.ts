// The secrets of a function: environment variables whose values stand in a file or in a variable of the server, and nowhere in a
// configuration. They are read whenever a process starts, so that a changed file holds from the next process on, and what the
// function prints and the errors it throws are searched for them: `***` stands in their place.
//
// A file's last line break is not part of its secret, as in `$(cat file)`.
import { redactedLengthMin } from '../defaults.ts';
import type { HandlerError } from './invocation-contract.ts';
import type { SecretSource } from './invoker-config.ts';
import type { Machine } from './machine.ts';

export type Secrets = Readonly<Record<string, string>>;

/** The values by name, or why one cannot be had. */
export function readSecrets(
  sources: Readonly<Record<string, SecretSource>>,
  machine: Machine,
  environment: Readonly<Record<string, string | undefined>>,
): Secrets | HandlerError {
  const values: [string, string][] = [];
  for (const [name, source] of Object.entries(sources)) {
    const value = 'file' in source ? textOf(machine, source.file) : environment[source.variable];
    if (value === undefined || value.includes('\0')) {
      const where = 'file' in source ? `file ${source.file}` : `environment variable ${source.variable}`;
      const what = value === undefined ? 'cannot be read' : 'has a NUL in it';
      return secretUnavailable(`secret ${name}: ${where} ${what}; make it readable for the server, and call again`);
    }
    values.push([name, value]);
  }
  return Object.fromEntries(values);
}

/** Takes secrets out of a text. */
export function redactor(secrets: Secrets): (text: string) => string {
  // The longest first: a secret may be part of another.
  // Of one with several lines, as a key in PEM, each line is looked for: output is read line by line.
  const values = Object.values(secrets)
    .flatMap((value) => [value, ...value.split(/\r?\n/)])
    .filter(({ length }) => length >= redactedLengthMin)
    .toSorted((one, other) => other.length - one.length);
  if (values.length === 0) return (text) => text;
  return (text) => values.reduce((rest, value) => rest.replaceAll(value, '***'), text);
}

export function isSecretError(read: Secrets | HandlerError): read is HandlerError {
  return Array.isArray((read as HandlerError).trace);
}

function secretUnavailable(errorMessage: string): HandlerError {
  return { errorType: 'Runtime.SecretUnavailable', errorMessage, trace: [] };
}

function textOf(machine: Machine, file: string): string | undefined {
  try {
    return machine.readText(file).replace(/\r?\n$/, '');
  } catch {
    // Whoever asked says which file.
    return undefined;
  }
}
