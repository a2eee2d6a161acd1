// The end of an invocation's log, as callers of AWS's API get it: the last 4 KiB, in Base64.
// Source: AWS Lambda API reference, Invoke, "LogType" and "LogResult".
import { lambdaLimits } from '../defaults.ts';
import type { Settlement } from '../invoker/invocation-contract.ts';

export async function logTail({ metering }: Settlement): Promise<string> {
  const lines = await metering.logLines;
  const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
  return bytes.subarray(Math.max(0, bytes.length - lambdaLimits.logTailBytes)).toString('base64');
}
