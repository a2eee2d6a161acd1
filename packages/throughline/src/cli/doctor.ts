// `throughline doctor`: one line per check, each with what to do; exit code 1 when something is broken.
import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import path from 'node:path';
import { ThroughlineError } from '@throughline/event';
import * as defaults from '../defaults.ts';
import { readServerFile } from '../server-file.ts';
import { checkLog } from './doctor-log.ts';
import type { Finding } from './finding.ts';
import { dataDirOption, type Options } from './options.ts';
import { bytesText, countText, printJson, printLine } from '../terminal/output.ts';
import { fetchStatus, startedText, type Status } from './status.ts';

export async function run(options: Options): Promise<void> {
  const dataDir = dataDirOption(options);
  const findings: Finding[] = [
    checkNode(),
    checkDataDir(dataDir),
    checkDisk(dataDir),
    ...(await checkServer(options, dataDir)),
  ];
  if (options['json'] === true) printJson(findings);
  else for (const { check, state, says } of findings) printLine(`${state.padEnd(8)} ${check.padEnd(12)} ${says}`);
  if (findings.some(({ state }) => state === 'broken')) process.exitCode = 1;
}

function checkNode(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const fits = major > 22 || (major === 22 && minor >= 22);
  return {
    check: 'node',
    state: fits ? 'ok' : 'broken',
    says: `${process.version}${fits ? '' : '; install 22.22 or newer'}`,
  };
}

function checkDataDir(dataDir: string): Finding {
  if (!existsSync(dataDir))
    return { check: 'data folder', state: 'ok', says: `${dataDir} will be made at the first start` };
  try {
    accessSync(dataDir, constants.R_OK | constants.W_OK);
    return { check: 'data folder', state: 'ok', says: dataDir };
  } catch (error) {
    return { check: 'data folder', state: 'broken', says: `${String(error)}; give this user the right to write there` };
  }
}

function checkDisk(dataDir: string): Finding {
  const folder = existsSync(dataDir) ? dataDir : path.dirname(dataDir);
  const { bavail, bsize, blocks } = statfsSync(existsSync(folder) ? folder : '.');
  const freeBytes = bavail * bsize;
  const says = `${bytesText(freeBytes)} free`;
  if (bavail === 0) return { check: 'disk', state: 'broken', says: 'full: appends are rejected until there is room' };
  if (bavail / blocks < defaults.diskFreeShareMin)
    return { check: 'disk', state: 'warning', says: `${says}; free some, or lower the retention` };
  return { check: 'disk', state: 'ok', says };
}

async function checkServer(options: Options, dataDir: string): Promise<Finding[]> {
  try {
    const server = readServerFile(dataDir);
    const status = await fetchStatus(dataDir);
    return [
      { check: 'server', state: 'ok', says: `pid ${server.pid} at ${server.http}/, log ${server.log}` },
      ...checkTopics(status),
      ...checkWarnings(status),
      ...checkFunctions(status),
      ...checkFolds(status),
      ...(await checkLog(options)),
    ];
  } catch (error) {
    const { code, message, remedy } = ThroughlineError.from(error);
    return [
      { check: 'server', state: code === 'SERVER_NOT_RUNNING' ? 'warning' : 'broken', says: `${message}. ${remedy}` },
    ];
  }
}

function checkTopics(status: Status): Finding[] {
  return status.topics.map(({ topic, partitions }) => {
    const check = 'topic';
    const offline = partitions.filter(({ isOnline }) => !isOnline).length;
    if (offline > 0)
      return {
        check,
        state: 'broken',
        says: `${topic}: ${countText(offline, 'partition')} offline; check the disk, then restart the server`,
      };
    const sizes = partitions.map(({ bytes }) => bytes);
    const mean = sizes.reduce((sum, bytes) => sum + bytes, 0) / Math.max(1, sizes.length);
    const isSkewed = mean > defaults.skewBytesMin && Math.max(...sizes) > defaults.skewRatioMax * mean;
    if (isSkewed)
      return { check, state: 'warning', says: `${topic}: one partition holds most of the data; look for a hot key` };
    return { check, state: 'ok', says: `${topic}: ${countText(partitions.length, 'partition')} online` };
  });
}

/** What the server itself warns of. */
function checkWarnings({ warnings = [] }: Status): Finding[] {
  return warnings.map(({ code, message, remedy }) => {
    return { check: 'topic', state: 'warning', says: `${message} [${code}]. ${remedy}` };
  });
}

function checkFunctions(status: Status): Finding[] {
  return status.functions.map(({ name, environments, initError, startError, ...shares }) => {
    const check = 'function';
    if (initError !== undefined)
      return {
        check,
        state: 'broken',
        says: `${name} cannot be loaded: ${initError.message}; correct it and ask again`,
      };
    if (startError !== undefined)
      return {
        check,
        state: 'broken',
        says: `${name} gets no process: ${startError.message}; it is tried again every few seconds`,
      };
    const started = startedText(shares);
    const shared = started === undefined ? '' : `; ${started}`;
    return { check, state: 'ok', says: `${name}: ${countText(environments.length, 'process', 'processes')}${shared}` };
  });
}

function checkFolds(status: Status): Finding[] {
  return status.folds.map((fold) => {
    const check = 'fold';
    if (fold.lastError !== undefined) {
      const { message, code } = fold.lastError;
      const state = fold.phase === 'stopped' ? 'has stopped' : `is ${fold.phase}`;
      return { check, state: 'broken', says: `${fold.name} ${state}: ${message} [${code}]` };
    }
    if (fold.skippedRecords > 0) {
      return {
        check,
        state: 'warning',
        says: `${fold.name}: ${countText(fold.skippedRecords, 'record')} skipped as invalid; look for who writes them`,
      };
    }
    if (fold.lagRecords > defaults.lagRecordsMax)
      return { check, state: 'warning', says: `${fold.name}: ${countText(fold.lagRecords, 'record')} behind` };
    return { check, state: 'ok', says: `${fold.name}: ${countText(fold.lagRecords, 'record')} behind` };
  });
}
