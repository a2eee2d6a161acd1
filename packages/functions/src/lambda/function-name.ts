// The ways in which AWS's API names a function: `name`, `name:qualifier`, `account:function:name` and a whole ARN, each with
// or without a qualifier. Account and region are whatever the caller says: there is one account here.
// Source: AWS Lambda API reference, Invoke, "FunctionName".
import { invalidParameter, notFound } from './aws-error.ts';

export interface NamedFunction {
  readonly name: string;
  readonly qualifier: string | undefined;
}

const pattern =
  /^(?:arn:aws[a-z-]*:lambda:(?:[a-z]{2,}(?:-[a-z]+)+-\d|local):)?(?:\d{12}:)?(?:function:)?([A-Za-z0-9_-]{1,64})(?::(\$LATEST|[A-Za-z0-9_-]{1,128}))?$/;

/**
 * Reads a function's name as it stands in a path.
 *
 * @param qualifier the one of the query, which must not be another one than the name has
 * @throws AwsError InvalidParameterValueException
 */
export function readFunctionName(text: string, qualifier: string | undefined): NamedFunction {
  const match = pattern.exec(text);
  if (match === null) throw invalidParameter(`${JSON.stringify(text)} is no name or ARN of a function`);
  const [, name = '', own] = match;
  if (own !== undefined && qualifier !== undefined && own !== qualifier) {
    throw invalidParameter('The derived qualifier from the function name does not match the specified qualifier.');
  }
  return { name, qualifier: own ?? qualifier };
}

/** Versions and aliases come later: what there is, is `$LATEST`. */
export function checkQualifier({ name, qualifier }: NamedFunction): void {
  if (qualifier === undefined || qualifier === '$LATEST') return;
  throw notFound(`Function not found: ${arnOf(name)}:${qualifier}`);
}

/** AWS's name of a function; region and account are placeholders that every AWS client accepts. */
export function arnOf(name: string): string {
  return `arn:aws:lambda:us-east-1:000000000000:function:${name}`;
}
